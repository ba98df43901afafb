import { expect, test } from "bun:test";
import {
  deletedFields,
  isAlive,
  LEASE_MS,
  type Session,
  subscribedChannels,
} from "../../src/domain/session.ts";
import { startHere } from "../support/bus.ts";

const NOW = Date.UTC(2026, 0, 31, 8);
const HOUR = 3_600_000;

function session(more: Partial<Session> = {}, heardMsAgo = 0): Session {
  return {
    session_id: "s",
    display_id: "brave-trex",
    name: "n",
    machine: "host",
    machine_id: null,
    seen_on: null,
    origin: null,
    cwd: "/x",
    repo: "x",
    client_id: null,
    registered_at: new Date(NOW - 48 * HOUR).toISOString(),
    last_heartbeat: new Date(NOW - heardMsAgo).toISOString(),
    cursor: null,
    deleted_at: null,
    process: null,
    state: null,
    lease_until: null,
    ...{
      branch: null,
      wake: null,
      muted_until: 0,
      title: null,
      worked_at: 0,
      last_words: null,
      state_since: null,
      rung: null,
      rung_until: 0,
      read_until: null,
    },
    ...more,
  };
}

const PIDS = [77];
const here = {
  now: NOW,
  host: "host",
  machineId: "id-of-host",
  processExists: (pid: number) => PIDS.includes(pid),
  processStart: (pid: number) => (PIDS.includes(pid) ? "boot-1" : null),
  isHeld: (sessionId: string) => sessionId === "waiting",
};
const running = { pid: 77, started: "boot-1" };
const later = new Date(NOW + 1).toISOString();
const deleted_at = new Date(NOW).toISOString();

const cases: [what: string, session: Session, alive: boolean][] = [
  ["just heard of", session(), true],
  ["heard of 1 ms less than 24 h ago", session({}, LEASE_MS - 1), true],
  ["heard of exactly 24 h ago", session({}, LEASE_MS), false],
  ["heard of two days ago", session({}, 48 * HOUR), false],
  ["heard of in the future, for the clock went back", session({}, -5 * HOUR), true],
  ["unregistered", session({ deleted_at }), false],
  ["unregistered, process running", session({ deleted_at, client_id: "77" }), false],
  ["a process of this host that runs", session({ client_id: "77" }), true],
  ["a process of this host that is gone", session({ client_id: "78" }), false],
  ["a running process, not heard of for 24 h", session({ client_id: "77" }, LEASE_MS), false],
  ["a process number of another machine", session({ client_id: "78", machine: "other" }), true],
  ["a client id that is no number", session({ client_id: "claude-78" }), true],
  ["a client id that only begins as a number", session({ client_id: "78a" }), true],
  ["a client id of digits that no process can have", session({ client_id: "78787878787878" }), true],
  ["the client id 0", session({ client_id: "0" }), true],
  ["a negative client id", session({ client_id: "-78" }), true],
  ["the very process of this host that it named", session({ process: running }), true],
  [
    "a process of this host that it named and that is gone",
    session({ process: { ...running, pid: 78 } }),
    false,
  ],
  ["another process that got the number", session({ process: { ...running, started: "boot-0" } }), false],
  ["a named process that runs, unregistered", session({ process: running, deleted_at }), false],
  ["a named process that runs, not heard of for 24 h", session({ process: running }, LEASE_MS), true],
  ["a named process that runs, not heard of for a year", session({ process: running }, 8_760 * HOUR), true],
  ["a call waits for it, not heard of for 24 h", session({ session_id: "waiting" }, LEASE_MS), true],
  [
    "a call from another machine waits for it, and its lease has ended",
    session({ session_id: "waiting", machine: "other", lease_until: deleted_at }, LEASE_MS),
    true,
  ],
  ["a call waits for it, unregistered", session({ session_id: "waiting", deleted_at }), false],
  [
    "a call waits for it, and the process of this host that it named is gone",
    session({ session_id: "waiting", process: { ...running, pid: 78 } }),
    false,
  ],
  ["a named process says more than a client id", session({ process: running, client_id: "78" }), true],
  ["a named process says more than a lease", session({ process: running, lease_until: deleted_at }), true],
  ["a named process of another machine", session({ process: { ...running, pid: 78 }, machine: "o" }), true],
  ["a lease that holds 1 ms more", session({ machine: "other", lease_until: later }), true],
  ["a lease that has just ended", session({ machine: "other", lease_until: deleted_at }), false],
  [
    "a lease that holds, not heard of for 24 h",
    session({ machine: "o", lease_until: later }, LEASE_MS),
    false,
  ],
  ["a heartbeat that is no time", session({ last_heartbeat: "?" }), true],
];

for (const [what, one, alive] of cases)
  test(`${alive ? "alive" : "not alive"}: ${what}`, () => {
    expect(isAlive(one, here)).toBe(alive);
  });

test("24 hours are 24 hours", () => {
  expect(LEASE_MS).toBe(24 * HOUR);
});

test("a session is on all, its own, its repository's and its machine's channel", () => {
  expect(subscribedChannels(session())).toEqual(["all", "session:s", "repo:x", "machine:host"]);
});

test("the hint about an unregistered session says how to come back", () => {
  expect(deletedFields(session({ deleted_at, client_id: "c" })).hint).toContain(
    'client_id "c" on machine "host"',
  );
  expect(deletedFields(session({ deleted_at })).hint).toContain("register_session");
  expect(deletedFields(session({ deleted_at }), "mine").hint).toBe("mine");
});

test("a real bus lists the session of a running process, and not that of one that ended", async () => {
  const bus = await startHere();
  const gone = Bun.spawn([process.execPath, "-e", ""]);
  await gone.exited;
  await bus.call("register_session", { name: "me", client_id: String(process.pid) });
  await bus.call("register_session", { name: "gone", client_id: String(gone.pid) });
  await bus.call("register_session", { name: "far", client_id: String(gone.pid), machine: "far-away" });
  const { result } = await bus.call("list_sessions");
  expect(result.map(({ name }: { name: string }) => name).sort()).toEqual(["far", "me"]);
});

test("a real bus forgets a session after 24 h without a sign, and a clock set back does not lose it", async () => {
  let now = NOW;
  const bus = await startHere({ now: () => now });
  await bus.call("register_session", { name: "a", client_id: "a" });
  const count = async () => (await bus.call("list_sessions")).result.length;
  now = NOW - HOUR;
  expect(await count()).toBe(1);
  expect((await bus.call("list_sessions")).result[0].age_seconds).toBe(0);
  now = NOW + LEASE_MS - 1;
  expect(await count()).toBe(1);
  now = NOW + LEASE_MS;
  expect(await count()).toBe(0);
});
