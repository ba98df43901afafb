import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { noPrevious, previous } from "../skew/previous.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { type Client, ended, eventsIn, newClient } from "../support/hooks.ts";
import { type Container, noContainer, startContainer } from "../support/namespaces.ts";
import { eventually } from "../support/webhook.ts";

if (noContainer !== null) console.log(`skipped: another PID namespace (${noContainer})`);

interface Listed {
  session_id: string;
  reach: string;
}

async function sessions(bus: ProcessBus): Promise<Listed[]> {
  return (await bus.call("list_sessions")).result;
}

const namesOf = async (bus: ProcessBus) => (await sessions(bus)).map(({ session_id }) => session_id).sort();

const within = (bus: ProcessBus, { inside }: Container) => ({ inside, env: { HOME: bus.folder } });

async function joined(bus: ProcessBus, container: Container): Promise<Client> {
  const client = newClient(bus, { pid: container.pid });
  expect(await client.read("session-start", within(bus, container))).not.toBe("");
  return client;
}

async function send(bus: ProcessBus, to: string): Promise<number> {
  const sent = await bus.call("publish_event", { event_type: "n", payload: "x", channel: `session:${to}` });
  expect(sent.warning).toBeUndefined();
  return sent.event_id;
}

/** The stored time is changed, because the clock of the bus goes on. */
function endLeases(bus: ProcessBus): void {
  const db = new Database(bus.db);
  db.run("PRAGMA busy_timeout = 5000");
  db.run("UPDATE sessions SET lease_until = '2026-01-01T00:00:00.000+00:00' WHERE lease_until IS NOT NULL");
  db.close();
}

describe.skipIf(noContainer !== null).each([
  ["a container", true],
  ["a sandbox with the /proc of its host", false],
])("a session in %s, of the same host name and the same data directory", (_, proc) => {
  test("is here from its registration on, gets its mail, and is gone after its lease", async () => {
    const bus = await startBus("binary");
    const container = await startContainer({ proc });
    const client = await joined(bus, container);
    expect(await namesOf(bus)).toEqual([client.id]);
    const first = await send(bus, client.id);
    const text = await client.read("prompt", within(bus, container));
    expect(eventsIn(text).map(({ id }) => id)).toEqual([first]);
    await container.end();
    endLeases(bus);
    expect(await namesOf(bus)).toEqual([]);
  });

  test("is here while it waits, however old its lease is, and is woken", async () => {
    const bus = await startBus("binary");
    const container = await startContainer({ proc });
    const client = await joined(bus, container);
    await client.read("stop", within(bus, container));
    const waiter = await client.wait(within(bus, container));
    await eventually("it waits", async () => (await sessions(bus))[0]?.reach === "wakes");
    endLeases(bus);
    const sent = await send(bus, client.id);
    const { stderr, code } = await ended(waiter);
    expect([code, eventsIn(stderr).map(({ id }) => id)]).toEqual([2, [sent]]);
  });

  test("is not taken for that of another one whose process has the same number", async () => {
    const bus = await startBus("binary");
    const [one, two] = [await startContainer({ proc }), await startContainer({ proc })];
    const here = newClient(bus, { pid: one.pid });
    await here.read("session-start", { env: { HOME: bus.folder } });
    const clients = [await joined(bus, one), await joined(bus, two)];
    const all = (await sessions(bus)).map(({ session_id }) => session_id);
    for (const { id } of clients) expect(all).toContain(id);
  });

  test("that registers by the number of its process is here for a day, and its shell can end it", async () => {
    const bus = await startBus("binary");
    const container = await startContainer({ proc });
    const gone = String(2 ** 22 + container.pid);
    for (const id of [String(container.pid), gone]) {
      const shell = { bus, ...within(bus, container) };
      const own = ["--client-id", id];
      const registered = await cli(["register", "--name", "n", ...own, "--json"], shell);
      expect(registered.json().warning).toBeUndefined();
      expect(await namesOf(bus)).toEqual([id]);
      expect((await cli(["unregister", ...own], shell)).code).toBe(0);
      expect(await namesOf(bus)).toEqual([]);
    }
  });
});

const noOld = noContainer ?? noPrevious;
if (noOld !== null) console.log(`skipped: an earlier release in another PID namespace (${noOld})`);

test.skipIf(noOld !== null)(
  "a session in a container whose hooks are of an earlier release is here, and is gone after its lease",
  async () => {
    const bus = await startBus("binary");
    const container = await startContainer({ proc: true });
    const old = { ...within(bus, container), program: [await previous()] };
    const client = newClient(bus, { pid: container.pid });
    expect(await client.read("session-start", old)).not.toBe("");
    expect(await namesOf(bus)).toEqual([client.id]);
    const sent = await send(bus, client.id);
    expect(eventsIn(await client.read("prompt", old)).map(({ id }) => id)).toEqual([sent]);
    expect(await namesOf(bus)).toEqual([client.id]);
    await container.end();
    endLeases(bus);
    expect(await namesOf(bus)).toEqual([]);
  },
);

test.skipIf(noPrevious !== null)(
  "a session beside the bus whose hooks are of an earlier release is gone with its process",
  async () => {
    const bus = await startBus("binary");
    const client = newClient(bus);
    await client.read("session-start", { env: { HOME: bus.folder }, program: [await previous()] });
    expect(await namesOf(bus)).toEqual([client.id]);
    await client.kill();
    expect(await namesOf(bus)).toEqual([]);
  },
);

test("a client_id that is the number of no process is told so at registration", async () => {
  const bus = await startBus("binary");
  const shell = { bus, env: { HOME: bus.folder } };
  const id = String(2 ** 22 + 7);
  const { warning } = (await cli(["register", "--name", "n", "--client-id", id, "--json"], shell)).json();
  expect(warning).toContain(`The client_id ${id} is the number of a process`);
  expect(await namesOf(bus)).toEqual([]);
  const own = (await cli(["register", "--client-id", String(process.pid), "--json"], shell)).json();
  expect(own.warning).toBeUndefined();
});

test("a process that the bus does not find at its registration, by a hook that tells no namespace, is elsewhere", async () => {
  const bus = await startBus("binary");
  const told = { client_id: "c", name: "c", cwd: "/", repo: "r", pid: process.pid };
  await bus.call("start_session", { ...told, pid_started: "03078523-77" });
  expect(await namesOf(bus)).toEqual(["c"]);
});

test("processes of one number and one start in two namespaces are two, and in one namespace they are one", async () => {
  const bus = await startBus("binary");
  const start = async (client_id: string, pid_namespace: string) => {
    const process = { pid: 2, pid_started: "03078523-77", pid_namespace };
    const told = { client_id, name: client_id, cwd: "/", repo: "r", ...process };
    return (await bus.call("start_session", told)).session_id;
  };
  expect(await start("a", "03078523-4026532178")).toBe("a");
  expect(await start("b", "03078523-4026532179")).toBe("b");
  expect(await start("after-clear", "03078523-4026532178")).toBe("a");
  expect(await namesOf(bus)).toEqual(["a", "b"]);
});
