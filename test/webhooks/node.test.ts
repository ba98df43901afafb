import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { publish } from "../support/agent.ts";
import { type Kind, startBus } from "../support/bus.ts";
import { receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, hook, hookOf } from "../support/webhook.ts";

const kinds: Kind[] = ["binary", "node"];

test.each(kinds)(
  "%s: what fails is sent again, through a kill -9, until all have arrived",
  async (kind) => {
    const accepted = new Set<number>();
    let requests = 0;
    const secret = "correct-horse";
    const target = receiver((_, { json, body, headers }) => {
      new Webhook(secret, { format: "raw" }).verify(body, Object.fromEntries(headers));
      const attempt = Number(headers.get("x-event-bus-attempt"));
      if (++requests % 3 === 0 && attempt < 4) return new Response(null, { status: 500 });
      accepted.add(json.event_id);
      return new Response(null, { status: 204 });
    });
    const hung = receiver(() => new Promise<Response>(() => {}));
    const env = { AGENT_EVENT_BUS_WEBHOOK_SPEED: "20" };
    const first = await startBus(kind, { env });
    const id = await hook(first, target.url(), { secret });
    await hook(first, hung.url());
    const dead = await hook(first, "http://127.0.0.1:1/");
    await Promise.all(Array.from({ length: 200 }, () => publish(first)));
    await target.until("/", 20);
    await first.kill();
    const bus = await startBus(kind, { env, folder: first.folder });
    await eventually("all arrived", () => accepted.size === 200, 20_000);
    await eventually("all recorded", async () => (await hookOf(bus, id)).pending === 0);
    expect((await deliveriesOf(bus, id)).every((row) => row.state === "delivered")).toBe(true);
    expect((await hookOf(bus, dead)).last_error).toContain("ECONNREFUSED");
    expect(await bus.stop()).toBe(0);
    for (const each of [target, hung]) each.stop();
  },
  60_000,
);

test.each(kinds)(
  "%s: names, redirects and hanging endpoints are treated alike",
  async (kind) => {
    const answers = receiver(async (path) => {
      if (path === "/hang") await new Promise(() => {});
      return path === "/moved" ? Response.redirect("/followed", 307) : new Response(null);
    });
    const bus = await startBus(kind, { env: { AGENT_EVENT_BUS_WEBHOOK_TIMEOUT: "300" } });
    const { port } = new URL(answers.url());
    const tried = async (url: string) => {
      const outcome = await bus.call("test_webhook", { webhook_id: await hook(bus, url) });
      return outcome.error?.replace("Not delivered: ", "") ?? outcome.status;
    };
    expect(await tried(`http://localhost:${port}/fine`)).toBe(200);
    expect(await tried(answers.url("/moved"))).toBe("HTTP 307 (redirects are not followed)");
    expect(await tried(answers.url("/hang"))).toBe("no answer within 300 ms");
    expect(await tried("http://no-such-host.invalid/")).toBe(
      "the host name no-such-host.invalid has no address",
    );
    expect(await tried(`https://127.0.0.1:${port}/`)).toBeString();
    expect(answers.at("/followed")).toEqual([]);
    answers.stop();
  },
  30_000,
);
