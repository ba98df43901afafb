// A day of one bus: its host gets another name, and then sleeps for 30 h. Real programs, and the real clock of libfaketime.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { startBus, type TestBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import {
  type Client,
  ended,
  eventsIn,
  type HookOptions,
  type HookProcess,
  newClient,
} from "../support/hooks.ts";
import { called, noContainer, noOtherName, startContainer } from "../support/namespaces.ts";
import { endUsers, newUser, noUsers } from "../support/users.ts";
import { eventually } from "../support/webhook.ts";

const FAKETIME = ["/usr/lib", "/usr/local/lib", "/usr/lib64"]
  .flatMap((folder) => [folder, ...triplets(folder)])
  .map((folder) => `${folder}/faketime/libfaketimeMT.so.1`)
  .find((file) => Bun.file(file).size > 0);

function triplets(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith("-linux-gnu"))
      .map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

const missing = noUsers ?? noOtherName ?? noContainer ?? (FAKETIME === undefined ? "no libfaketime" : null);
if (missing !== null) console.log(`skipped: a day under a changed host name and after a sleep (${missing})`);

/** One session of the day. */
interface Member {
  what: string;
  client: Client;
  /** How its hooks run on a host of that name. */
  on(name: string): HookOptions;
  /** It is still here after the sleep, without a sign of life. */
  staysHere: boolean;
  waiter?: HookProcess;
}

const ids = (text: string) => eventsIn(text).map(({ id }) => id);

function day() {
  const clock = path.join(tempFolder(), "clock");
  const members: Member[] = [];
  let bus: TestBus & { process: { pid: number } };
  let lost: Client;

  const clocked = {
    LD_PRELOAD: FAKETIME ?? "",
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: "1",
    // A machine that sleeps stops this clock, and no timer is late.
    ...{ DONT_FAKE_MONOTONIC: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
  };

  async function listed(): Promise<string[]> {
    const { result } = await bus.call("list_sessions");
    return result.map(({ session_id }: { session_id: string }) => session_id).sort();
  }

  const idsOf = (some: readonly Member[]) => some.map(({ client }) => client.id).sort();
  const send = (to: string) =>
    bus.call("publish_event", { event_type: "note", payload: `to ${to}`, channel: `session:${to}` });

  async function add(what: string, client: Client, staysHere: boolean, on: Member["on"]): Promise<Member> {
    const member = { what, client, staysHere, on };
    members.push(member);
    expect(await client.read("session-start", on("office"))).not.toBe("");
    return member;
  }

  async function join(): Promise<void> {
    writeFileSync(clock, "+0\n");
    bus = await startBus("binary", { inside: called("office"), env: clocked });
    const own = (name: string) => ({ inside: called(name), env: { HOME: bus.folder } });
    await add("on the bus's machine", newClient(bus), true, own);

    const user = newUser(61_003);
    mkdirSync(path.join(user.home, DATA), { recursive: true });
    Bun.spawnSync(["chown", "-R", "61003:61003", user.home]);
    const theirs = Bun.spawn([...user.inside, "sleep", "900"], { stdio: ["ignore", "ignore", "ignore"] });
    afterAll(() => theirs.kill("SIGKILL"));
    await add("of another user", newClient(bus, { pid: theirs.pid, cwd: user.home }), true, (name) => ({
      ...{ inside: [...called(name), ...user.inside], program: user.program },
      env: { HOME: user.home, AGENT_EVENT_BUS_BUS_USER: "any" },
    }));

    const container = await startContainer({ proc: true });
    const inIt = (name: string) => ({ ...own(name), inside: [...called(name), ...container.inside] });
    await add("in a container, idle", newClient(bus, { pid: container.pid }), false, inIt);
    const other = await startContainer({ proc: true });
    const inOther = (name: string) => ({ ...own(name), inside: [...called(name), ...other.inside] });
    await add("in a container, waiting", newClient(bus, { pid: other.pid }), true, inOther);

    const laptop = tempFolder();
    mkdirSync(path.join(laptop, DATA), { recursive: true });
    // The bus must not see its processes.
    const { inside, pid } = await startContainer({ proc: true });
    const away = { inside: [...called("laptop"), ...inside], env: { HOME: laptop } };
    await add("on a laptop", newClient(bus, { pid }), false, () => away);

    lost = newClient(bus);
    await lost.read("session-start", own("office"));
  }

  /** They are all here, one of them waits, and one claims a name. */
  async function morning(): Promise<void> {
    const waiting = members.find(({ what }) => what.endsWith("waiting")) as Member;
    await waiting.client.read("stop", waiting.on("office"));
    waiting.waiter = await waiting.client.wait(waiting.on("office"));
    await eventually("it waits", async () => {
      const { result } = await bus.call("list_sessions");
      return result.some(({ reach }: { reach: string }) => reach === "wakes");
    });
    const [first] = members as [Member];
    const claim = ["register", "--name", "lead", "--claim", "--client-id", first.client.id];
    expect((await cli(claim, { bus, ...first.on("office") })).code).toBe(0);
    expect(await listed()).toEqual([...idsOf(members), lost.id].sort());
  }

  /** The host gets another name. Each gets its message, and none is doubled. */
  async function renamed(): Promise<void> {
    const words = ["sh", "-c", "echo home-vpn > /proc/sys/kernel/hostname"];
    Bun.spawnSync(["nsenter", `--uts=/proc/${bus.process.pid}/ns/uts`, ...words]);
    for (const { what, client, on, waiter } of members.filter(({ waiter }) => waiter === undefined)) {
      const sent = await send(client.id);
      expect([what, sent.warning, waiter]).toEqual([what, undefined, undefined]);
      expect([what, ids(await client.read("prompt", on("home-vpn")))]).toEqual([what, [sent.event_id]]);
      await client.read("session-start", on("home-vpn"));
      await client.read("stop", on("home-vpn"));
    }
    const [first] = members as [Member];
    const claimed = await bus.call("publish_event", { event_type: "n", payload: "x", channel: "@lead" });
    expect(claimed).toMatchObject({ channel: `session:${first.client.id}` });
    expect(ids(await first.client.read("prompt", first.on("home-vpn")))).toEqual([claimed.event_id]);
    expect(await listed()).toEqual([...idsOf(members), lost.id].sort());
  }

  /** The host sleeps. Those who live are here, and the one that ended meanwhile is not. */
  async function slept(): Promise<void> {
    await lost.kill();
    writeFileSync(clock, "+30h\n");
    await eventually("the clock went on", async () => {
      const { event_id } = await bus.call("publish_event", { event_type: "n", payload: "morning" });
      const { events } = await bus.call("get_events", { event_id });
      return Date.parse(events[0].timestamp) > Date.now() + 29 * 3_600_000;
    });
    expect(await listed()).toEqual(idsOf(members.filter(({ staysHere }) => staysHere)));
    expect((await send(lost.id)).warning).toContain("is gone");
  }

  /** Each gets its message once: now, or when it comes back. */
  async function awake(): Promise<void> {
    for (const { what, client, on, staysHere, waiter } of members) {
      const sent = await send(client.id);
      expect([what, sent.warning === undefined]).toEqual([what, staysHere]);
      if (waiter !== undefined) {
        const { stderr, code } = await ended(waiter);
        expect([what, code, ids(stderr)]).toEqual([what, 2, [sent.event_id]]);
      } else expect([what, ids(await client.read("prompt", on("third")))]).toEqual([what, [sent.event_id]]);
      expect([what, ids(await client.read("prompt", on("third")))]).toEqual([what, []]);
    }
    expect(await listed()).toEqual(idsOf(members));
  }

  return { join, morning, renamed, slept, awake };
}

test.skipIf(missing !== null)(
  "a bus under another host name, after 30 h of sleep, with containers and two users: mail arrives, and presence is true",
  async () => {
    const { join, ...parts } = day();
    await join();
    for (const part of Object.values(parts)) await part();
  },
);

afterAll(endUsers);
