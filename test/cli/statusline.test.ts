import { expect, test } from "bun:test";
import { fresh } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { type CliOptions, cli, cliOnTerminal } from "../support/cli.ts";

const bus = await startBus("binary");
const api = fresh("api");
await bus.call("start_session", { client_id: api, name: api, cwd: "/home/me", repo: "r" });
const line = (options: CliOptions = {}) => cli(["statusline"], { bus, ...options });
const ofSession = (session_id: unknown) => line({ stdin: JSON.stringify({ session_id, model: {} }) });

test("it counts the sessions that are here", async () => {
  expect(await line()).toMatchObject({ code: 0, stdout: "1 here\n", stderr: "" });
});

test("it counts the unread messages of the session on stdin, else those of the user", async () => {
  for (const channel of [`session:${api}`, `session:${api}`, "@human"])
    await bus.call("publish_event", { event_type: "note", payload: "p", channel });
  expect((await ofSession(api)).stdout).toBe("1 here, 2 unread\n");
  expect((await line({ env: { AGENT_EVENT_BUS_SESSION_ID: api } })).stdout).toBe("1 here, 2 unread\n");
  expect((await line()).stdout).toBe("1 here, 1 unread\n");
  expect(Bun.stripANSI(await cliOnTerminal(["statusline"], { bus }))).toBe("1 here, 1 unread\r\n");
});

test("it counts what waits for the user", async () => {
  const help = { event_type: "help_needed", payload: "stuck", session_id: api };
  await bus.call("publish_event", help);
  expect((await line()).stdout).toBe("1 here, 1 unread, 1 needs you\n");
  await bus.call("publish_event", help);
  expect((await line()).stdout).toBe("1 here, 1 unread, 2 need you\n");
  expect((await cli(["statusline", "--json"], { bus })).json()).toEqual({ here: 1, unread: 1, needs: 2 });
});

test.each([
  ["no JSON", "{"],
  ["a list", "[]"],
  ["another type", '{"session_id":7}'],
  ["nothing", ""],
])("with %s on stdin it shows the user's line", async (_, stdin) => {
  expect(await line({ stdin })).toMatchObject({
    code: 0,
    stdout: "1 here, 1 unread, 2 need you\n",
    stderr: "",
  });
});

test("an unknown session has the user's line", async () => {
  expect((await ofSession("nobody")).stdout).toBe("1 here, 1 unread, 2 need you\n");
});

test.each(["http://127.0.0.1:1/mcp", "no URL"])("it is silent when the bus is away: %s", async (url) => {
  const env = { AGENT_EVENT_BUS_URL: url };
  expect(await cli(["statusline"], { env })).toMatchObject({ code: 0, stdout: "", stderr: "" });
});
