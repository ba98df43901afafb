import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { openTokens } from "../../src/tokens/token_files.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { runHook } from "../support/hooks.ts";
import { type Newcomer, newcomer } from "../support/newcomer.ts";

/** One that wants a token, and two that do not. */
let closed: ProcessBus;
let token: string;
let open: ProcessBus;
let other: ProcessBus;

beforeAll(async () => {
  const folder = tempFolder(true);
  token = String(openTokens(join(folder, "data.db"), Date.now).create("laptop", "full", null)?.secret);
  [closed, open, other] = await Promise.all([
    startBus("binary", { folder, outlives: true, env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } }),
    startBus("binary", { outlives: true }),
    startBus("binary", { outlives: true }),
  ]);
});

afterAll(async () => {
  await Promise.all([closed.kill(), open.kill(), other.kill()]);
  removeFolders();
});

function aHome(settings: string, kept?: string): Newcomer {
  const here = newcomer();
  here.put(`${DATA}/settings.env`, settings, 0o600);
  if (kept !== undefined) here.put(`${DATA}/token`, `${kept}\n`, 0o600);
  return here;
}

let sessions = 0;

/** Registers a session by a hook that knows only HOME, and finds it with a command that knows as little. Returns its buses. */
async function whereSessionGoes(
  { home, run }: Newcomer,
  { env = {}, flags = [] }: { env?: Record<string, string>; flags?: string[] } = {},
): Promise<{ hook: string[]; command: string[] }> {
  const id = `session-${++sessions}`;
  const bare = { HOME: home, PATH: "", ...env };
  const hook = await runHook("session-start", {
    input: { session_id: id, cwd: home },
    env: bare,
    args: flags,
  });
  expect(hook).toMatchObject({ code: 0, stderr: "" });
  const payload = `command-${sessions}`;
  const published = await run(["publish", "--type", "note", "--payload", payload, ...flags], { env: bare });
  expect(published).toMatchObject({ code: 0, stderr: "" });
  return { hook: busesWith(id, "sessions", "id"), command: busesWith(payload, "events", "payload") };
}

const NAMES = { closed: () => closed, open: () => open, other: () => other };

function busesWith(text: string, table: string, column: string): string[] {
  return Object.entries(NAMES)
    .filter(([, bus]) => rows(bus(), `SELECT 1 FROM ${table} WHERE ${column} = '${text}'`) > 0)
    .map(([name]) => name);
}

function rows({ db }: ProcessBus, query: string): number {
  const file = new Database(db, { readonly: true });
  try {
    return file.query(query).all().length;
  } finally {
    file.close();
  }
}

const everything = (bus: string) => ({ hook: [bus], command: [bus] });

test("a hook and a command started with nothing but HOME find the bus that settings.env names", async () => {
  expect(await whereSessionGoes(aHome(`AGENT_EVENT_BUS_URL=${open.url}\n`))).toEqual(everything("open"));
});

test("they find this machine's bus where settings.env lets it listen", async () => {
  expect(await whereSessionGoes(aHome(`HOST=127.0.0.1\nPORT=${other.port}\n`))).toEqual(everything("other"));
  expect(
    await whereSessionGoes(aHome(`# every network\nHOST="0.0.0.0"\nexport PORT=${open.port}\n`)),
  ).toEqual(everything("open"));
});

test("a URL goes before this machine's bus, the environment before settings.env, a flag before both", async () => {
  const both = aHome(`PORT=${other.port}\nAGENT_EVENT_BUS_URL=${open.url}\n`);
  expect(await whereSessionGoes(both)).toEqual(everything("open"));
  const env = { AGENT_EVENT_BUS_URL: other.url };
  expect(await whereSessionGoes(both, { env })).toEqual(everything("other"));
  expect(await whereSessionGoes(both, { env, flags: ["--url", open.url] })).toEqual(everything("open"));
  expect(await whereSessionGoes(both, { env: { AGENT_EVENT_BUS_URL: "" } })).toEqual(everything("open"));
});

test("a token is sent from its file, or from settings.env", async () => {
  const url = `AGENT_EVENT_BUS_URL=${closed.url}\n`;
  expect(await whereSessionGoes(aHome(url, token))).toEqual(everything("closed"));
  expect(await whereSessionGoes(aHome(`${url}AGENT_EVENT_BUS_TOKEN=${token}\n`))).toEqual(
    everything("closed"),
  );
  expect(await whereSessionGoes(aHome(url, "aeb_wrong"), { env: { AGENT_EVENT_BUS_TOKEN: token } })).toEqual(
    everything("closed"),
  );
});

test("a broken settings.env is a sentence for a command and silence for a hook", async () => {
  const { home, run, data } = aHome("AGENT_EVENT_BUS_URL http://x\n");
  const { stdout, stderr, code } = await run(["sessions"]);
  expect({ stdout, stderr, code }).toEqual({
    stdout: "",
    stderr: `agent-event-bus: ${data}/settings.env, line 1: "AGENT_EVENT_BUS_URL http://x" is not KEY=VALUE.\n`,
    code: 78,
  });
  for (const name of ["session-start", "prompt", "tool", "stop", "wait", "session-end"]) {
    const ran = await runHook(name, { input: { session_id: "s" }, env: { HOME: home } });
    expect(ran).toMatchObject({ stdout: "", stderr: "", code: 0 });
  }
  const named = await run(["sessions", "--json", "--url", open.url]);
  expect(named).toMatchObject({ code: 0, stderr: "" });
});
