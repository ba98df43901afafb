import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join as path } from "node:path";
import { fresh, join, newest, payloads, publish, resume } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const FIELDS =
  "session_id display_id name machine repo cwd client_id registered_at last_heartbeat cursor age_seconds subscribed_channels state reach rung unread claims";

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function present(bus: TestBus): Promise<any[]> {
  return (await bus.call("list_sessions")).result;
}

async function ids(bus: TestBus): Promise<string[]> {
  return (await present(bus)).map((session) => session.session_id);
}

function deadPid(): string {
  return String(Bun.spawnSync([process.execPath, "--version"]).pid);
}

/** WIRE.md 2, sessions, and register_session, list_sessions, unregister_session of 3. */
export function sessions(target: () => TestBus): void {
  test("a new session gets its client_id as id, a name for people, and the cursor of its own announcement", async () => {
    const client_id = fresh("client");
    const args = { name: "feature", client_id, machine: "laptop", cwd: "/x/proj" };
    const answer = await target().call("register_session", args);
    const announced = await newest(target());
    expect(answer).toEqual({
      session_id: client_id,
      display_id: expect.stringMatching(/^[a-z]+-[a-z]+(-\d+)?$/),
      name: "feature",
      machine: "laptop",
      cwd: "/x/proj",
      repo: "proj",
      active_sessions: (await present(target())).length,
      cursor: String(announced.id),
      resumed: false,
      tip: expect.stringContaining(answer.display_id),
    });
    expect(announced).toMatchObject({ event_type: "session_registered", session_id: client_id });
  });

  test("without client_id a session gets a UUID, every time another", async () => {
    const [a, b] = [await join(target(), { client_id: null }), await join(target(), { client_id: null })];
    expect(a.session_id).toMatch(UUID);
    expect(b.session_id).toMatch(UUID);
    expect(a.session_id).not.toBe(b.session_id);
    expect(a.machine).toBe(hostname());
  });

  test("registering again resumes: same ids and cursor, new name and folder, nothing announced", async () => {
    const first = await join(target());
    const before = await publish(target());
    const again = await join(target(), { client_id: first.session_id, name: "renamed", cwd: "/y/other" });
    const { session_id, display_id, cursor } = first;
    expect(again).toMatchObject({
      session_id,
      display_id,
      cursor,
      resumed: true,
      name: "renamed",
      repo: "other",
    });
    expect((await newest(target())).id).toBe(before);
  });

  test("registering revives an unregistered session with its cursor", async () => {
    const { session_id, display_id, cursor } = await join(target());
    await target().call("unregister_session", { session_id });
    expect(await ids(target())).not.toContain(session_id);
    const revived = await join(target(), { client_id: session_id });
    expect(revived).toMatchObject({ session_id, display_id, cursor, resumed: true });
    expect(await ids(target())).toContain(session_id);
  });

  test("two machines may use one client_id: the second gets a UUID, and each resumes its own", async () => {
    const client_id = fresh("pid");
    const one = await join(target(), { client_id, machine: "one" });
    const two = await join(target(), { client_id, machine: "two" });
    expect(one.session_id).toBe(client_id);
    expect(two.session_id).toMatch(UUID);
    for (const session of [one, two]) {
      const again = await join(target(), { client_id, machine: session.machine });
      expect(again).toMatchObject({ session_id: session.session_id, resumed: true });
    }
  });

  test("display ids are unique among live sessions", async () => {
    const joined = await Promise.all(Array.from({ length: 100 }, () => join(target())));
    expect(new Set(joined.map((session) => session.display_id)).size).toBe(100);
  });

  test("registering at the same time with one client_id makes one session", async () => {
    const client_id = fresh("hook");
    const joined = await Promise.all(Array.from({ length: 10 }, () => join(target(), { client_id })));
    expect(new Set(joined.map((session) => session.display_id)).size).toBe(1);
    expect(joined.filter((session) => !session.resumed)).toHaveLength(1);
  });

  test.each([
    ["/x/proj", "proj"],
    ["/x/proj/", "proj"],
    ["/x/proj/.worktrees/feature", "proj"],
    ["/x/proj/.worktrees/feature/src", "proj"],
    ["C:\\x\\proj", "proj"],
    ["/x/new\nline\tname", "new line name"],
    ["/", "unknown"],
    ["", "unknown"],
  ])("the repository of the folder %j is %j", async (cwd, repo) => {
    expect((await join(target(), { cwd })).repo).toBe(repo);
    expect((await join(target(), { cwd, machine: "elsewhere" })).repo).toBe(repo);
  });

  test("the repository of a linked git worktree is the main one's, on this machine", async () => {
    const folder = tempFolder();
    const worktree = path(folder, "feature-branch");
    mkdirSync(path(worktree, "src"), { recursive: true });
    writeFileSync(path(worktree, ".git"), `gitdir: ${folder}/main-repo/.git/worktrees/feature-branch\n`);
    expect((await join(target(), { cwd: worktree })).repo).toBe("main-repo");
    expect((await join(target(), { cwd: path(worktree, "src") })).repo).toBe("main-repo");
    expect((await join(target(), { cwd: worktree, machine: "elsewhere" })).repo).toBe("feature-branch");
  });

  test("a repository that the client names wins, on one line", async () => {
    expect((await join(target(), { cwd: "/x/proj", repo: "given" })).repo).toBe("given");
    expect((await join(target(), { cwd: "/x/proj", repo: "a\nb\tc" })).repo).toBe("a b c");
    expect((await join(target(), { cwd: "/x/proj", repo: "" })).repo).toBe("proj");
  });

  test("a session of a process that is gone is not live; on another machine its number says nothing", async () => {
    const gone = await join(target(), { client_id: deadPid() });
    const running = await join(target(), { client_id: String(process.pid) });
    const elsewhere = await join(target(), { client_id: deadPid(), machine: "elsewhere" });
    const live = await ids(target());
    expect(live).not.toContain(gone.session_id);
    expect(live).toContain(running.session_id);
    expect(live).toContain(elsewhere.session_id);
  });

  test("list_sessions shows the fields of a session", async () => {
    const { session_id, display_id } = await join(target(), {
      name: "shown",
      cwd: "/x/proj",
      machine: "laptop",
    });
    const session = (await present(target())).find((each) => each.session_id === session_id);
    expect(Object.keys(session).sort()).toEqual(FIELDS.split(" ").sort());
    expect(session).toMatchObject({
      display_id,
      name: "shown",
      machine: "laptop",
      repo: "proj",
      cwd: "/x/proj",
      client_id: session_id,
      subscribed_channels: ["all", `session:${session_id}`, "repo:proj", "machine:laptop"],
      state: null,
      reach: "polls_only",
      rung: "polls",
      unread: 0,
      claims: [],
    });
    expect(session.registered_at).toMatch(TIME);
    expect(session.last_heartbeat).toMatch(TIME);
    expect(session.cursor).toMatch(/^\d+$/);
    expect(session.age_seconds).toBeWithin(0, 60);
  });

  test("list_channels counts the live sessions of each channel, sorted", async () => {
    await join(target(), { repo: "counted" });
    await join(target(), { repo: "counted" });
    const { result } = await target().call("list_channels");
    const expected = new Map<string, number>();
    for (const channel of (await present(target())).flatMap((session) => session.subscribed_channels))
      expected.set(channel, (expected.get(channel) ?? 0) + 1);
    const names = result.map((row: { channel: string }) => row.channel);
    expect(result.map((row: { subscribers: number }) => row.subscribers)).toEqual(
      names.map((name: string) => expected.get(name)),
    );
    expect(names).toHaveLength(expected.size);
    expect(names).toEqual([...names].sort());
    expect(result).toContainEqual({ channel: "repo:counted", subscribers: 2 });
  });

  test("unregister_session ends a session by its id and announces it", async () => {
    const { session_id, display_id } = await join(target());
    const answer = await target().call("unregister_session", { session_id });
    const active_sessions = (await present(target())).length;
    expect(answer).toEqual({ success: true, session_id, display_id, active_sessions });
    expect(await newest(target())).toMatchObject({ event_type: "session_unregistered", session_id });
  });

  test("unregister_session ends a session by its client_id, on the machine it names", async () => {
    const client_id = fresh("client");
    const here = await join(target(), { client_id });
    const there = await join(target(), { client_id, machine: "there" });
    const unknown = await target().call("unregister_session", { client_id, machine: "nowhere" });
    expect(unknown).toMatchObject({ error: "Session not found", client_id });
    await target().call("unregister_session", { client_id, machine: "there" });
    const live = await ids(target());
    expect(live).toContain(here.session_id);
    expect(live).not.toContain(there.session_id);
    const answer = await target().call("unregister_session", { client_id });
    expect(answer).toMatchObject({ success: true, session_id: here.session_id });
  });

  test("unregister_session of an unknown session, or of none, is refused", async () => {
    const answer = await target().call("unregister_session", { session_id: "nobody" });
    expect(answer).toEqual({ error: "Session not found", session_id: "nobody" });
    expect((await target().call("unregister_session", {})).error).toContain("session_id");
  });

  test("a first resume after registering misses nothing", async () => {
    const { session_id } = await join(target());
    const words = [fresh("one"), fresh("two"), fresh("three")];
    for (const word of words) await publish(target(), word);
    expect(await payloads(resume(target(), session_id))).toEqual(words);
  });
}
