import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { type Client, ended, newClient, told } from "../support/hooks.ts";
import { receiver } from "../support/receiver.ts";
import { noPrevious, PREVIOUS_VERSION, previous } from "./previous.ts";

if (noPrevious !== null) console.log(`SKIPPED: the previous executable (${noPrevious})`);

const BUILD_MS = 120_000;
/** A loaded machine can take longer than a hook may; the next hook finds what this one left. */
const TRIES = 20;

let old = "";
beforeAll(async () => {
  if (noPrevious === null) old = await previous();
}, BUILD_MS);

const startOf = (program: string, folder?: string, port?: number): Promise<ProcessBus> =>
  startBus("binary", {
    program: [program],
    ...(folder && { folder }),
    ...(port && { port }),
  });

/** Commands of one executable, run by the user of the bus. */
function commandsOf(program: string, bus: ProcessBus) {
  const run = (...args: string[]) =>
    cli(args, { bus, program: [program], env: { HOME: bus.folder }, cwd: bus.folder });
  const well = async (...args: string[]) => {
    const ran = await run(...args);
    expect([args.join(" "), ran.code, ran.stderr]).toEqual([args.join(" "), 0, ""]);
    return ran;
  };
  const json = async (...args: string[]) => (await well(...args, "--json")).json();
  return { run, well, json };
}

/** Hooks of one executable, run by a client of the user of the bus. */
function clientOf(program: string, bus: ProcessBus) {
  const client = newClient(bus, { cwd: bus.folder });
  const options = { program: [program], env: { HOME: bus.folder } };
  return {
    ...client,
    async read(name: "session-start" | "prompt" | "tool" | "stop", until: RegExp): Promise<string> {
      let text = "";
      for (let i = 0; i < TRIES && !until.test(text); i++) {
        const ran = await client.run(name, options);
        expect([name, ran.code, ran.stderr]).toEqual([name, 0, ""]);
        text = told(ran);
      }
      expect(text).toMatch(until);
      return text;
    },
    run: (name: string) => client.run(name, options),
    /** Runs a hook of another executable. */
    with: client.run,
    wait: () => client.wait(options),
  };
}

const liveIn = async (bus: ProcessBus): Promise<{ session_id: string; name: string; cursor: string }[]> =>
  (await bus.call("list_sessions")).result;

const send = (bus: ProcessBus, to: Pick<Client, "id">, payload: string) =>
  bus.call("publish_event", { event_type: "help_needed", payload, channel: `session:${to.id}` });

async function untilEmpty(bus: ProcessBus, client: { run(name: string): Promise<unknown> }): Promise<void> {
  for (let i = 0; i < TRIES && (await liveIn(bus)).length > 0; i++) await client.run("session-end");
  expect(await liveIn(bus)).toEqual([]);
}

const PAIRS: [string, () => { client: string; bus: string }][] = [
  ["the previous commands, hooks and waiters with this bus", () => ({ client: old, bus: binary })],
  ["these commands, hooks and waiters with the previous bus", () => ({ client: binary, bus: old })],
];

describe.skipIf(noPrevious !== null).each(PAIRS)("%s", (_, programs) => {
  test("register, list, publish, read once, acknowledge and leave", async () => {
    const bus = await startOf(programs().bus);
    const { well, json } = commandsOf(programs().client, bus);
    const me = (await json("register", "--name", "me", "--client-id", "c-1")).session_id;
    expect(await liveIn(bus)).toMatchObject([{ session_id: me, name: "me" }]);
    expect((await json("sessions"))[0]).toMatchObject({ session_id: me, name: "me" });
    expect((await json("channels")).map(({ channel }: { channel: string }) => channel)).toContain(
      `session:${me}`,
    );
    const sent = await json("publish", "--type", "note", "--payload", "hello", "--channel", "team:x");
    expect((await bus.call("get_events")).events[0]).toMatchObject({
      ...{ id: sent.event_id, payload: "hello", channel: "team:x", origin: "local" },
    });
    const resume = ["events", "--resume", "--session-id", me, "--order", "asc"];
    expect((await json(...resume)).events).toMatchObject([{ id: sent.event_id, payload: "hello" }]);
    expect((await json(...resume)).events).toEqual([]);
    const next = await json("publish", "--type", "note", "--payload", "second");
    await well("ack", "--session-id", me, "--cursor", String(next.event_id));
    expect((await liveIn(bus))[0]?.cursor).toBe(String(next.event_id));
    await well("unregister", "--session-id", me);
    expect(await liveIn(bus)).toEqual([]);
    await bus.stop();
  });

  test("ask and get the answer", async () => {
    const bus = await startOf(programs().bus);
    const { well, json } = commandsOf(programs().client, bus);
    const [one, two] = [await json("register", "--name", "one"), await json("register", "--name", "two")];
    const asking = json(
      ...["ask", "--to", "two", "--payload", "which port?", "--timeout", "50s"],
      ...["--session-id", one.session_id],
    );
    for (let events: { id: number; event_type: string }[] = []; ; await Bun.sleep(50)) {
      events = (await bus.call("get_events", { channel: `session:${two.session_id}` })).events;
      const [question] = events;
      if (question === undefined) continue;
      await well(
        ...["reply", "--to", String(question.id), "--payload", "8080"],
        ...["--session-id", two.session_id],
      );
      break;
    }
    expect(JSON.stringify(await asking)).toContain("8080");
    await bus.stop();
  });

  test("a hook beside a dialog is silent, and ends with it", async () => {
    if (programs().client === old) return;
    const bus = await startOf(programs().bus);
    const client = clientOf(programs().client, bus);
    await client.read("session-start", /registered/);
    const folder = tempFolder();
    mkdirSync(join(folder, "sessions"));
    const tell = (status: string) =>
      writeFileSync(
        join(folder, "sessions", `${client.pid}.json`),
        JSON.stringify({ status, statusUpdatedAt: Date.now() }),
      );
    tell("waiting");
    const asked = { transcript_path: join(folder, "projects/x/1.jsonl"), tool_name: "Write" };
    const standing = client.with("permission", { env: { HOME: bus.folder }, with: asked });
    await Bun.sleep(2_000);
    expect((await liveIn(bus)).length).toBe(1);
    tell("idle");
    expect(await standing).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await bus.stop();
  });

  test("manage a webhook, which delivers while it is enabled", async () => {
    const bus = await startOf(programs().bus);
    const { well, json } = commandsOf(programs().client, bus);
    const got = receiver();
    const { webhook_id } = await json("webhook", "register", "--url", got.url("/hook"), "--event-types", "w");
    await well("publish", "--type", "w", "--payload", "first");
    expect((await got.until("/hook", 1))[0]?.json.payload).toBe("first");
    await well("webhook", "disable", String(webhook_id));
    expect((await json("webhook", "list", "--all"))[0]).toMatchObject({ webhook_id, active: false });
    await well("webhook", "enable", String(webhook_id));
    await well("publish", "--type", "w", "--payload", "second");
    expect((await got.until("/hook", 2))[1]?.json.payload).toBe("second");
    await well("webhook", "unregister", String(webhook_id));
    expect((await bus.call("list_webhooks", { active_only: false })).result).toEqual([]);
    got.stop();
    await bus.stop();
  });

  test("a command that the bus refuses ends with its sentence and 1", async () => {
    const bus = await startOf(programs().bus);
    const { run } = commandsOf(programs().client, bus);
    const { code, stderr } = await run("ack", "--session-id", "never-registered", "--cursor", "1");
    expect([code, stderr]).toEqual([1, expect.stringContaining("Session not found")]);
    await bus.stop();
  });

  test("every hook: registers, hands over once at each of its events, unregisters", async () => {
    const bus = await startOf(programs().bus);
    const client = clientOf(programs().client, bus);
    await client.read("session-start", new RegExp(client.id));
    expect(await liveIn(bus)).toMatchObject([{ session_id: client.id }]);
    for (const name of ["prompt", "tool", "stop"] as const) {
      await send(bus, client, `for ${name}`);
      await client.read(name, new RegExp(`for ${name}`));
    }
    expect((await liveIn(bus))[0]).toMatchObject({ unread: 0 });
    await untilEmpty(bus, client);
    await bus.stop();
  });

  test("a waiter wakes its session", async () => {
    const bus = await startOf(programs().bus);
    const client = clientOf(programs().client, bus);
    await client.read("session-start", new RegExp(client.id));
    const waiter = await client.wait();
    await send(bus, client, "wake up");
    const { code, stderr } = await ended(waiter);
    expect([code, stderr]).toEqual([2, expect.stringContaining("wake up")]);
    await bus.stop();
  });

  test("doctor names the difference", async () => {
    const found = await versionsAt({ ...programs(), hooks: undefined });
    expect(found).toMatchObject({
      state: "bad",
      found: `the bus is ${versionOf(programs().bus)}, this program is ${versionOf(programs().client)}`,
      repair: expect.stringMatching(programs().client === old ? /install/ : /restart/),
    });
  });
});

const versionOf = (program: string) => (program === old ? PREVIOUS_VERSION : version);

/** What doctor says about versions where hooks run an installed executable; `client` is the one that is run as doctor. */
async function versionsAt(programs: { bus: string; client: string; hooks: string | undefined }) {
  const home = tempFolder();
  mkdirSync(join(home, DATA), { recursive: true, mode: 0o700 });
  const bus = await startOf(programs.bus, home);
  writeFileSync(join(home, DATA, "settings.env"), `PORT=${bus.port}\n`, { mode: 0o600 });
  if (programs.hooks !== undefined) {
    mkdirSync(join(home, ".local/bin"), { recursive: true });
    symlinkSync(programs.hooks, join(home, ".local/bin/agent-event-bus"));
  }
  const { stdout } = await cli(["doctor", "--json"], { program: [programs.client], env: { HOME: home } });
  await bus.stop();
  const checks = JSON.parse(stdout).checks as { what: string; state: string }[];
  expect(checks.find(({ what }) => what === "bus")?.state).toBe("ok");
  return checks.find(({ what }) => what === "version");
}

describe.skipIf(noPrevious !== null)("doctor on a machine whose hooks run", () => {
  test("an older executable than the bus names it, and leaves the repair to the check of the executable", async () => {
    expect(await versionsAt({ bus: binary, client: binary, hooks: old })).toMatchObject({
      state: "note",
      found: `the bus is ${version}, this program is ${version}, the hooks run ${PREVIOUS_VERSION}`,
    });
  });

  test("a newer one than the bus says to restart", async () => {
    expect(await versionsAt({ bus: old, client: binary, hooks: binary })).toMatchObject({
      state: "bad",
      repair: expect.stringContaining("restart"),
    });
  });

  test("the same as the bus, and this program is newer: so does it", async () => {
    expect(await versionsAt({ bus: old, client: binary, hooks: old })).toMatchObject({
      state: "note",
      found: `the bus is ${PREVIOUS_VERSION}, this program is ${version}, the hooks run ${PREVIOUS_VERSION}`,
    });
  });
});

describe.skipIf(noPrevious !== null)("an upgrade of the bus", () => {
  test("leaves the previous waiters and sessions at work, and their mail", async () => {
    const before = await startOf(old);
    const client = clientOf(old, before);
    await client.read("session-start", new RegExp(client.id));
    const waiter = await client.wait();
    expect(await before.stop()).toBe(0);
    const after = await startOf(binary, before.folder, before.port);
    await send(after, client, "after the upgrade");
    const { code, stderr } = await ended(waiter);
    expect([code, stderr]).toEqual([2, expect.stringContaining("after the upgrade")]);
    expect(await liveIn(after)).toMatchObject([{ session_id: client.id }]);
    await after.stop();
  });

  test("leaves a session of the previous hooks to the new ones", async () => {
    const before = await startOf(old);
    const client = clientOf(old, before);
    await client.read("session-start", new RegExp(client.id));
    await send(before, client, "sent before");
    expect(await before.stop()).toBe(0);
    const after = await startOf(binary, before.folder, before.port);
    const options = { program: [binary], env: { HOME: after.folder } };
    let text = "";
    for (let i = 0; i < TRIES && text === ""; i++) text = told(await client.with("prompt", options));
    expect(text).toContain("sent before");
    await after.stop();
  });
});
