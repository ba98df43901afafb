import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join as path } from "node:path";
import { fresh, join, newest, publish, resume, stored } from "../support/agent.ts";
import { type Kind, type ProcessBus, startBus, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
function send(bus: TestBus, to: string, more = {}): Promise<any> {
  return bus.call("publish_event", { event_type: "note", payload: "hi", channel: to, ...more });
}

function deadPid(): string {
  return String(Bun.spawnSync([process.execPath, "--version"]).pid);
}

/** WIRE.md 2, channels. */
export function channels(target: () => TestBus): void {
  test("a channel hides nothing: every session sees every event", async () => {
    const [a, b] = [await join(target()), await join(target())];
    const ids = [
      await publish(target(), "x", { channel: `session:${a.session_id}` }),
      await publish(target(), "x", { channel: "repo:of-nobody" }),
      await publish(target(), "x", { channel: "machine:of-nobody" }),
    ];
    const seen = (await resume(target(), b.session_id)).events.map((event: { id: number }) => event.id);
    expect(seen).toEqual(ids);
  });

  test("the channel of a repository that was never here is legal and kept, with a warning the first time", async () => {
    const channel = `repo:${fresh("never")}`;
    const first = await send(target(), channel);
    expect([first.channel, first.signal_level]).toEqual([channel, "info"]);
    expect(first.warning).toContain(channel.slice("repo:".length));
    expect((await newest(target())).channel).toBe(channel);
    expect((await send(target(), channel)).warning).toBeUndefined();
  });

  test("the channel of a repository or a machine that is here does not warn", async () => {
    const { repo, machine } = await join(target(), { repo: fresh("repo"), machine: fresh("machine") });
    for (const channel of [`repo:${repo}`, `machine:${machine}`])
      expect(await send(target(), channel)).not.toHaveProperty("warning");
  });

  test("a channel that is near a known one is kept, with a warning that names that one", async () => {
    const { name, repo } = await join(target(), { name: fresh("payments"), repo: fresh("webshop") });
    for (const [written, meant] of [
      [name, `session:${name}`],
      [`repo:${repo.replace("webshop", "webshpo")}`, `repo:${repo}`],
    ]) {
      const answer = await send(target(), String(written));
      expect([answer.channel, answer.warning]).toEqual([written, expect.stringContaining(String(meant))]);
    }
  });

  test.each(["machine:x", "room", "a:b:c", "Session:x", ":", "%", "sess"])(
    "the channel %j is legal and kept",
    async (channel) => {
      const answer = await send(target(), channel);
      expect([answer.channel, answer.warning, answer.signal_level]).toEqual([channel, undefined, "info"]);
      expect(answer).not.toHaveProperty("reach");
      expect((await newest(target())).channel).toBe(channel);
    },
  );

  test("a direct message finds its session by id, display id and name; the id is stored", async () => {
    const name = fresh("worker");
    const { session_id, display_id } = await join(target(), { name });
    for (const to of [session_id, display_id, name]) {
      const answer = await send(target(), `session:${to}`);
      expect(answer).toMatchObject({ channel: `session:${session_id}`, signal_level: "actionable" });
      expect(answer.warning).toBeUndefined();
      expect(answer.reach).toBe("polls_only");
      expect((await newest(target())).channel).toBe(`session:${session_id}`);
    }
  });

  test("a name with a colon is found as well", async () => {
    const name = fresh("fix: colon");
    const { session_id } = await join(target(), { name });
    expect((await send(target(), `session:${name}`)).channel).toBe(`session:${session_id}`);
  });

  test("a direct message to nobody is stored, and its answer says so", async () => {
    const answer = await send(target(), "session:nobody-at-all");
    expect(answer).toMatchObject({ channel: "session:nobody-at-all", signal_level: "actionable" });
    expect(answer.warning).toContain("nobody-at-all");
    expect(answer).not.toHaveProperty("reach");
    expect((await newest(target())).id).toBe(answer.event_id);
  });

  test.each(["session:", "repo:", "machine:", "session", "repo", "machine"])(
    "the channel %s without a name is stored with a warning",
    async (to) => {
      const answer = await send(target(), to);
      expect(answer.channel).toBe(to);
      expect(answer.warning).toContain(to);
    },
  );

  test("an ambiguous name, one of two repositories or machines, is refused with the candidates, and nothing is stored", async () => {
    const name = fresh("twin");
    const twins = [
      await join(target(), { name }),
      await join(target(), { name, repo: fresh("repo") }),
      await join(target(), { name, machine: "elsewhere" }),
    ];
    for (const twin of twins) expect([twin.name, twin.warning]).toEqual([name, undefined]);
    const before = stored(target());
    const answer = await send(target(), `session:${name}`);
    expect(answer.error).toContain(name);
    expect(answer.candidates.map((each: { session_id: string }) => each.session_id).sort()).toEqual(
      twins.map((twin) => twin.session_id).sort(),
    );
    expect(answer.hint).toBeString();
    expect(stored(target())).toEqual(before);
    for (const { session_id } of twins.slice(0, 2)) await target().call("unregister_session", { session_id });
    expect((await send(target(), `session:${name}`)).channel).toBe(`session:${twins[2].session_id}`);
  });

  test("a display id wins over a name; a live id and a live name are refused with the candidates", async () => {
    const one = await join(target());
    await join(target(), { name: one.display_id });
    expect((await send(target(), `session:${one.display_id}`)).channel).toBe(`session:${one.session_id}`);
    const named = await join(target(), { name: one.session_id });
    const before = stored(target());
    const answer = await send(target(), `session:${one.session_id}`);
    expect(answer.error).toContain(one.session_id);
    expect(answer.candidates.map((each: { session_id: string }) => each.session_id).sort()).toEqual(
      [one.session_id, named.session_id].sort(),
    );
    expect(stored(target())).toEqual(before);
  });

  test("a name in another Unicode form is the same name", async () => {
    const name = fresh("café");
    const { session_id } = await join(target(), { name: name.normalize("NFD") });
    for (const form of ["NFC", "NFD"])
      expect((await send(target(), `session:${name.normalize(form)}`)).channel).toBe(`session:${session_id}`);
  });

  test("a direct message to a session that has left or died is stored under its id, with a warning", async () => {
    const left = await join(target());
    await target().call("unregister_session", { session_id: left.session_id });
    const died = await join(target(), { client_id: deadPid() });
    for (const session of [left, died])
      for (const to of [session.session_id, session.display_id]) {
        const answer = await send(target(), `session:${to}`);
        expect(answer.channel).toBe(`session:${session.session_id}`);
        expect(answer.warning).toContain(session.display_id);
        expect(answer).not.toHaveProperty("reach");
      }
  });
}

/** WIRE.md 2 and 3: what the person sees. */
export function desktop(kind: Kind): void {
  const folder = tempFolder();
  const shown = path(folder, "shown");

  async function withDesktop(): Promise<ProcessBus> {
    mkdirSync(path(folder, "bin"), { recursive: true });
    const program = path(folder, "bin/notify-send");
    writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$@" >> ${shown}\n`);
    chmodSync(program, 0o755);
    const PATH = `${path(folder, "bin")}:${process.env.PATH}`;
    return startBus(kind, { env: { PATH, DISPLAY: ":99" } });
  }

  async function untilShown(text: string): Promise<string> {
    for (let tries = 0; tries < 200; tries++) {
      const now = existsSync(shown) ? readFileSync(shown, "utf8") : "";
      if (now.includes(text)) return now;
      await Bun.sleep(10);
    }
    throw new Error(`${text} was not shown`);
  }

  test.skipIf(process.platform !== "linux")(
    "notify and direct messages reach the person, others do not",
    async () => {
      const bus = await withDesktop();
      const to = await join(bus, { name: "recipient", repo: "proj" });
      const from = await join(bus, { name: "sender" });
      const args = { title: "Build", message: "Complete" };
      expect(await bus.call("notify", args)).toEqual({ success: true, ...args });
      await untilShown("Complete");
      await publish(bus, "for all");
      await publish(bus, "for you", { channel: "session:recipient", session_id: from.session_id });
      const all = await untilShown("for you");
      for (const part of ["recipient", "proj", "sender"]) expect(all).toContain(part);
      expect(all).not.toContain("for all");
      expect(to.resumed).toBe(false);
      await bus.kill();
    },
  );

  test("notify says when nothing could be shown", async () => {
    const bus = await startBus(kind, { env: { PATH: "/nonexistent" } });
    const args = { title: "Build", message: "Complete" };
    expect(await bus.call("notify", args)).toEqual({ success: false, ...args });
    await bus.kill();
  });
}
