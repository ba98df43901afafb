// The user is told of what sources send by the same rules as of any other event.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { fresh } from "../support/agent.ts";
import { addSource, github, send, workflowRun } from "../support/arrivals.ts";
import { startBusWithDesktop } from "../support/cli.ts";
import { startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

test("red CI of a repository with a live session, and what is addressed to the user, are shown", async () => {
  const bus = await startBusWithDesktop();
  await startClient(bus, { name: fresh("api"), repo: "shop" });
  const secret = await addSource(bus, { kind: "github", name: "ci" });
  await addSource(bus, { kind: "text", name: "cron", channel: "@human" });
  await addSource(bus, { kind: "text", name: "chatter" });
  const shown = () => (existsSync(bus.shown) ? readFileSync(bus.shown, "utf8") : "");
  const run = (name: string, repository: string, conclusion = "failure") => {
    const told = workflowRun({ name, conclusion });
    return send(
      bus,
      "ci",
      github(secret, "workflow_run", { ...told, repository: { ...told.repository, name: repository } }),
    );
  };
  await send(bus, "chatter", { headers: {}, body: "text-chatter" });
  await run("text-elsewhere", "elsewhere");
  await run("text-green", "shop", "success");
  await run("text-red", "shop");
  await eventually("red CI is shown", () => shown().includes("text-red"));
  // Shown after all that came before, if that were shown.
  await send(bus, "cron", { headers: {}, body: "text-cron" });
  await eventually("the message to the user is shown", () => shown().includes("text-cron"));
  expect(
    shown()
      .match(/text-\w+/g)
      ?.filter((text, i, all) => all.indexOf(text) === i),
  ).toEqual(["text-red", "text-cron"]);
  expect(await bus.stop()).toBe(0);
});
