import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "../../src/lib/process.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { claudeStandIn } from "../support/claude_stand_in.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { type Client, eventsIn, newClient } from "../support/hooks.ts";
import { called, noOtherName } from "../support/namespaces.ts";
import { type OwnVersion, VERSIONS, writeOwn } from "../support/schemas.ts";

if (noOtherName !== null) console.log(`skipped: another host name (${noOtherName})`);
const named = test.skipIf(noOtherName !== null);

interface Listed {
  session_id: string;
  client_id: string;
  name: string;
  machine: string;
  unread: number;
}

async function sessions(bus: ProcessBus): Promise<Listed[]> {
  return (await bus.call("list_sessions")).result;
}

/** A hook of a client whose HOME is the bus's, on a machine of that name. */
const at = (bus: ProcessBus, name: string) => ({ inside: called(name), env: { HOME: bus.folder } });

async function joined(bus: ProcessBus, name: string, more: Partial<Client> = {}): Promise<Client> {
  const client = newClient(bus, more);
  expect(await client.read("session-start", at(bus, name))).not.toBe("");
  return client;
}

async function send(bus: ProcessBus, channel: string): Promise<{ event_id: number; warning?: string }> {
  return bus.call("publish_event", { event_type: "note", payload: `to ${channel}`, channel });
}

const ids = (text: string) => eventsIn(text).map(({ id }) => id);

/** What happens after the host was called `first` and a client had joined. */
const RENAMES: readonly { what: string; rename(bus: ProcessBus): Promise<ProcessBus> }[] = [
  {
    what: "while the bus runs",
    async rename(bus) {
      const renamed = Bun.spawnSync([
        ...["nsenter", `--uts=/proc/${bus.process.pid}/ns/uts`],
        ...["sh", "-c", "echo second > /proc/sys/kernel/hostname"],
      ]);
      expect(renamed.exitCode).toBe(0);
      return bus;
    },
  },
  {
    what: "and the bus starts again",
    async rename(bus) {
      await bus.kill();
      return startBus("binary", { folder: bus.folder, port: bus.port, inside: called("second") });
    },
  },
];

for (const { what, rename } of RENAMES)
  named(`a host that gets another name ${what} keeps its sessions, their mail and their names`, async () => {
    const before = await startBus("binary", { inside: called("first") });
    const client = await joined(before, "first");
    const shell = { bus: before, ...at(before, "first") };
    const own = ["--client-id", client.id];
    expect((await cli(["register", "--name", "api", "--claim", ...own], shell)).code).toBe(0);
    const bus = await rename(before);
    const sent = [await send(bus, "@api"), await send(bus, `session:${client.id}`)];
    expect(sent.map(({ warning }) => warning)).toEqual([undefined, undefined]);

    expect(ids(await client.read("prompt", at(bus, "second")))).toEqual(sent.map(({ event_id }) => event_id));
    await client.read("session-start", at(bus, "second"));
    const again = await cli(["register", "--name", "api", ...own, "--json"], {
      ...{ ...shell, bus },
      ...at(bus, "second"),
    });
    expect(again.json()).toMatchObject({ session_id: client.id, resumed: true });
    expect(await sessions(bus)).toMatchObject([
      { session_id: client.id, name: "api", machine: "second", claims: ["api"] },
    ]);

    const left = await cli(["unregister", ...own], { bus, ...at(bus, "third") });
    expect([left.code, left.stderr]).toEqual([0, ""]);
    expect(await sessions(bus)).toEqual([]);
  });

named("a prompt tells the present name, and messages to the machine reach it by that name", async () => {
  const bus = await startBus("binary", { inside: called("first") });
  const client = await joined(bus, "first");
  await client.read("prompt", at(bus, "second"));
  for (const [name, count] of [
    ["first", 0],
    ["second", 1],
  ] as const) {
    const more = { event_type: "help_needed", payload: name, channel: `machine:${name}` };
    const { event_id } = await bus.call("publish_event", more);
    expect(ids(await client.read("prompt", at(bus, "second")))).toEqual(count ? [event_id] : []);
  }
});

named("doctor and the installer find the sessions of a host that got another name", async () => {
  const bus = await startBus("binary", { inside: called("first") });
  await joined(bus, "first");
  const name = (await sessions(bus))[0]?.name;
  const path = `${claudeStandIn()}:${process.env.PATH}`;
  const second = { bus, inside: called("second"), env: { HOME: bus.folder, PATH: path } };
  const { checks } = (await cli(["doctor", "--json"], second)).json();
  const told = checks.filter(({ what }: { what: string }) => what === "session");
  expect(told).toMatchObject([{ found: `${name}: hooks deliver at its next prompt or tool use` }]);

  const install = async (flag: string) =>
    (await cli(["install", "client", "--url", bus.url, "--json", flag], second)).json();
  await install("--hooks-only");
  const { steps } = await install("--dry-run");
  expect(steps.find(({ what }: { what: string }) => what === "plugin")).toMatchObject({
    text: expect.stringContaining(`not yet, because hooks deliver to 1 running session (${name})`),
  });
});

named("two machines of one name are two, though their clients have the same id", async () => {
  const bus = await startBus("binary", { inside: called("same") });
  // The number of a process, which proves nothing about its client.
  const id = String(process.pid);
  const one = await joined(bus, "same", { id });
  await one.kill();
  const home = tempFolder();
  mkdirSync(join(home, DATA), { recursive: true });
  const elsewhere = { inside: called("same"), env: { HOME: home } };
  const two = newClient(bus, { id });
  await two.read("session-start", elsewhere);
  const [second, ...others] = await sessions(bus);
  expect([others, second]).toMatchObject([[], { client_id: id, machine: "same" }]);
  const [toFirst, toSecond] = [
    await send(bus, `session:${id}`),
    await send(bus, `session:${second?.session_id}`),
  ];
  expect(ids(await two.read("prompt", elsewhere))).toEqual([toSecond.event_id]);
  const status = { bus, ...at(bus, "same"), stdin: JSON.stringify({ session_id: id }) };
  expect((await cli(["statusline"], status)).stdout).toBe("1 here, 1 unread\n");

  const again = newClient(bus, { id });
  await again.read("session-start", at(bus, "same"));
  expect(ids(await again.read("prompt", at(bus, "same")))).toEqual([toFirst.event_id]);
  const living = (await sessions(bus)).map(({ session_id }) => session_id);
  expect(living.sort()).toEqual([id, String(second?.session_id)].sort());
});

named(
  "a client that tells only its name goes on by that name, and is the same once it tells its id",
  async () => {
    const bus = await startBus("binary", { inside: called("bus") });
    const home = tempFolder();
    const there = { inside: called("laptop"), env: { HOME: home } };
    const client = newClient(bus);
    await client.read("session-start", there);
    await client.read("prompt", there);
    mkdirSync(join(home, DATA), { recursive: true });
    await client.read("prompt", there);
    await client.read("session-start", there);
    expect(readFileSync(join(home, DATA, "machine-id"), "utf8")).toMatch(
      /^[0-9a-f-]{36} ([0-9a-f]{32}|-)\n$/,
    );
    const { inside } = there;
    await client.read("prompt", { inside, env: { HOME: tempFolder() } });
    await client.read("prompt", { ...there, inside: called("renamed") });
    expect(await sessions(bus)).toMatchObject([{ session_id: client.id, machine: "renamed" }]);
  },
);

for (const version of VERSIONS.filter((one) => one < 16 && one >= 9) as OwnVersion[])
  named(`a database of schema ${version} knows only names: none of its sessions is doubled`, async () => {
    const folder = tempFolder();
    writeOwn(join(folder, "data.db"), version);
    const bus = await startBus("binary", { folder, inside: called("m1") });
    const there = { inside: called("m2"), env: { HOME: tempFolder() } };
    mkdirSync(join(there.env.HOME, DATA), { recursive: true });
    await newClient(bus, { id: "c-a" }).read("prompt", at(bus, "m1"));
    const b = newClient(bus, { id: "c-b" });
    await b.read("prompt", there);
    await b.read("prompt", there);
    await b.read("prompt", { ...there, inside: called("m3") });
    await b.read("session-start", { ...there, inside: called("m3") });
    const listed = (await sessions(bus)).map(({ session_id, machine }) => `${session_id} on ${machine}`);
    expect(listed.sort()).toEqual(["s-a on m1", "s-b on m3"]);
  });

test("a running process is known again by its start, though its old row has another name of the host", async () => {
  const folder = tempFolder();
  writeOwn(join(folder, "data.db"), 15);

  const client = newClient({ url: "" }, { id: "c-a" });
  const db = new Database(join(folder, "data.db"));
  const started = processStart(client.pid);
  db.run("UPDATE sessions SET pid = ?, pid_started = ? WHERE id = 's-a'", [client.pid, started]);
  db.close();
  const bus = await startBus("binary", { folder });
  const same = newClient(bus, { id: "c-a", pid: client.pid });
  await same.read("session-start", { env: { HOME: folder } });
  const found = (await sessions(bus)).filter(({ client_id }) => client_id === "c-a");
  expect(found).toMatchObject([{ session_id: "s-a" }]);
});

test("a data directory has one id for each system, and a damaged file does not hinder a hook", async () => {
  const bus = await startBus("binary");
  const file = join(bus.folder, DATA, "machine-id");
  const first = readFileSync(file, "utf8");
  const client = newClient(bus);
  const prompt = () => client.read("prompt", { env: { HOME: bus.folder } });
  await Promise.all([prompt(), prompt(), prompt()]);
  expect(readFileSync(file, "utf8")).toBe(first);
  const copied = `${crypto.randomUUID()} ${"0".repeat(32)}\n`;
  for (const text of [copied, "\u0000".repeat(100), ""]) {
    writeFileSync(file, text);
    await Promise.all([prompt(), prompt(), prompt()]);
    const kept = readFileSync(file, "utf8");
    expect(kept.startsWith(text)).toBe(true);
    await prompt();
    expect(readFileSync(file, "utf8")).toBe(kept);
  }
  expect(await sessions(bus)).toHaveLength(1);
});
