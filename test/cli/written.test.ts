import { describe, expect, test } from "bun:test";
import { fresh, savedCursor } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { bash } from "../support/cli.ts";

const bus = await startHere();
const BIG = 300_000;

/** A session with one unread event, larger than a pipe holds. */
async function unread(): Promise<{ session_id: string; cursor: string; event_id: number }> {
  const { session_id, cursor } = await bus.call("register_session", { name: fresh("reader") });
  const news = { event_type: "news", payload: "x".repeat(BIG), channel: `session:${session_id}` };
  const { event_id } = await bus.call("publish_event", news);
  return { session_id, cursor, event_id };
}

const FULL = "> /dev/full";

// Both write in their own way, and everything else is the same program: Node, which starts slowly, gets one row of each kind.
for (const kind of ["binary", "node"] as const) {
  const rows = (all: string[], few: string[]) => (kind === "binary" ? all : few);
  describe.skipIf(process.platform !== "linux")(`output that cannot be written (${kind})`, () => {
    const commands = [
      "sessions",
      "events",
      "events --json",
      "publish --type t --payload p",
      "--help",
      "--version",
    ];
    const lines = rows(
      [...commands, "publish --help", "sessions --help --json", "token list", "serve --version --json"],
      ["sessions", "--version", "serve --help", "hook --help"],
    );

    test.each(lines)("%s to a full disk ends with 74 and one line", async (line) => {
      const { code, stderr } = await bash(`agent-event-bus ${line} ${FULL}`, { bus, kind });
      expect(stderr).toMatch(/^agent-event-bus: the output could not be written \(ENOSPC\)\.\n$/);
      expect(code).toBe(74);
    });

    test.each(rows(["sessions", "events --json", "serve --help", "hook --help"], ["sessions"]))(
      "%s to a reader that left ends with 141, quietly",
      async (line) => {
        const script = `{ sleep 0.2; agent-event-bus ${line}; echo "$?" > code; } | true; until [ -s code ]; do sleep 0.02; done; cat code`;
        const { stdout, stderr } = await bash(script, { bus, kind });
        expect([stdout, stderr]).toEqual(["141\n", ""]);
      },
    );

    const reads = rows(
      ["events --resume", "events --resume --order asc --json", "events", "events --min-level info"],
      ["events --resume"],
    );
    test.each(reads)("%s consumes nothing that was not written", async (line) => {
      const { session_id, cursor, event_id } = await unread();
      const env = { AGENT_EVENT_BUS_SESSION_ID: session_id };
      const full = await bash(`agent-event-bus ${line} ${FULL}`, { bus, kind, env });
      expect(full.stderr).toContain(
        "agent-event-bus: stdout did not take the events, so they do not count as seen.\n",
      );
      expect(full.code).toBe(74);
      const early = await bash(`agent-event-bus ${line} | head -c 10 > /dev/null; echo "\${PIPESTATUS[0]}"`, {
        bus,
        kind,
        env,
      });
      expect(early.stderr).toContain("do not count as seen");
      expect(early.stdout).toBe("141\n");
      expect(await savedCursor(bus, session_id)).toBe(cursor);
      expect((await bus.call("get_delivery", { event_id })).deliveries[0].state).toBe("stored");

      const whole = await bash(`agent-event-bus ${line}`, { bus, kind, env });
      expect([whole.code, whole.stdout.includes("x".repeat(BIG))]).toEqual([0, true]);
      expect(await savedCursor(bus, session_id)).toBe(String(event_id));
      expect((await bus.call("get_delivery", { event_id })).deliveries[0].state).toBe("seen");
    });

    test("events --follow consumes nothing that was not written", async () => {
      const { session_id, cursor } = await unread();
      const env = { AGENT_EVENT_BUS_SESSION_ID: session_id };
      const { code } = await bash(`agent-event-bus events --resume --follow ${FULL}`, { bus, kind, env });
      expect(code).toBe(74);
      expect(await savedCursor(bus, session_id)).toBe(cursor);
    });
  });
}
