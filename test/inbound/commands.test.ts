import { describe, expect, test } from "bun:test";
import { newest } from "../support/agent.ts";
import { addSource, github, send, workflowRun } from "../support/arrivals.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";

const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_SOURCES: "3" } });
const run = (...argv: string[]) => cli(["source", ...argv], { bus });

describe("agent-event-bus source", () => {
  test("add shows where to send and the secret, once", async () => {
    const { stdout, code } = await run("add", "github", "--name", "ci");
    expect(code).toBe(0);
    const base = bus.url.replace(/mcp$/, "");
    expect(stdout).toContain(`Source ci added. It sends to ${base}in/ci`);
    const [, secret = ""] = /not shown again: (whsec_\S+)/.exec(stdout) ?? [];
    expect((await send(bus, "ci", github(secret, "workflow_run", workflowRun()))).status).toBe(200);
    const listed = await run("list");
    expect(listed.stdout).toMatch(/^ci +github +yes/m);
    expect(listed.stdout + (await run("list", "--json")).stdout).not.toContain(secret);
  });

  test("test shows the event and publishes nothing", async () => {
    const before = (await newest(bus)).id;
    const made = await run("test", "ci");
    expect(made.stdout).toStartWith("ci_failed to repo:shop, actionable\n  CI failed: test on main\n");
    const own = JSON.stringify(workflowRun({ conclusion: "cancelled" }));
    const none = await run("test", "ci", "--event", "workflow_run", "--body", own);
    expect(none.stdout).toBe("Nothing would be published, because this is CI that ended as cancelled.\n");
    const broken = await run("test", "ci", "--body", "{");
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining("The body is not JSON")]);
    expect((await newest(bus)).id).toBe(before);
  });

  test("rotate gives a text source a secret, and from then on it must sign", async () => {
    await run("add", "text", "--name", "cron");
    const plain = { headers: {}, body: "hello" };
    expect((await send(bus, "cron", plain)).status).toBe(200);
    expect((await run("rotate", "cron")).stdout).toContain("From now on, its messages must be signed.");
    expect((await send(bus, "cron", plain)).status).toBe(401);
    await run("rm", "cron");
    expect((await run("list")).stdout).not.toContain("cron");
  });

  test.each([
    [["add", "github", "--name", "ci"], 1, "There is already a source ci."],
    [["add", "github", "--name", "CI!"], 1, "is not a valid name of a source"],
    [["add", "alertmanager", "--name", "am", "--secret", "x"], 1, "alertmanager cannot sign what it sends"],
    [["add", "json", "--name", "j", "--secret", "a b"], 1, "printable ASCII"],
    [["add", "jenkins", "--name", "j"], 64, "github"],
    [["add", "github"], 64, "--name"],
    [["test", "nobody"], 1, "There is no source nobody."],
    [["rm", "nobody"], 1, "There is no source nobody."],
    [["rotate", "nobody"], 1, "There is no source nobody."],
  ])("%p is refused", async (argv, code, words) => {
    const result = await run(...(argv as string[]));
    expect([result.code, result.stderr]).toEqual([code as number, expect.stringContaining(words as string)]);
  });

  test("there are only so many", async () => {
    for (const name of ["a", "b"]) await addSource(bus, { kind: "text", name });
    await expect(addSource(bus, { kind: "text", name: "c" })).rejects.toThrow(
      "There are already 3 sources (limit sources). Remove one first.",
    );
  });

  test("a removed source takes nothing more", async () => {
    const secret = await (await run("rotate", "ci", "--json")).json().secret;
    await run("rm", "ci");
    expect((await send(bus, "ci", github(secret, "workflow_run", workflowRun({ id: 9 })))).status).toBe(401);
  });
});
