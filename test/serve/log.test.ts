import { describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createLog, type Log, type LogOptions } from "../../src/serve/log.ts";
import { startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { ALL_HOSTILE, HOSTILE, unsafeIn } from "../support/hostile.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const STAMP = "2026-01-02T03:04:05.678Z";

function logIn(folder: string, options: Partial<LogOptions> = {}): Log {
  return createLog({
    file: join(folder, "bus.log"),
    errors: join(folder, "bus.err"),
    terminal: undefined,
    now: () => AT,
    ...options,
  });
}

const textOf = (folder: string, name = "bus.log") => readFileSync(join(folder, name), "utf8");
const linesOf = (folder: string, name?: string) => textOf(folder, name).split("\n").slice(0, -1);

/** Calls tools of a bus that logs into a file and returns its lines. */
async function linesAbout(calls: readonly (readonly [tool: string, args: unknown])[]): Promise<string[]> {
  const folder = tempFolder();
  const log = logIn(folder);
  const bus = await startHere({ log });
  for (const [tool, args] of calls) await bus.call(tool, args).catch(() => {});
  await log.flush();
  const lines = linesOf(folder);
  await bus.stop();
  return lines;
}

const LINE =
  /^2026-01-02T03:04:05\.678Z (info |warn |error) (\S+) (\w+) (.*)→ (ok|refused|invalid)( .*)? \d+\.\d ms$/;

describe("the line of a tool call", () => {
  const told: readonly (readonly [what: string, tool: string, args: unknown, says: string])[] = [
    [
      "a publish",
      "publish_event",
      { event_type: "t", payload: "p", session_id: "s1" },
      's1 publish_event event_type="t" payload="p"',
    ],
    ["an anonymous read", "get_events", { limit: 7 }, "- get_events limit=7"],
    ["a registration", "register_session", { name: "n", client_id: "c9" }, 'c9 register_session name="n"'],
    ["a refusal", "ack_events", { session_id: "nobody", cursor: "3" }, "→ refused Session not found"],
    ["wrong arguments", "get_events", { limit: "many" }, "→ invalid"],
    ["null arguments", "get_events", { channel: null, limit: 1 }, "- get_events limit=1"],
  ];
  test.each(told)(
    "tells who, which tool, the arguments, the outcome and the time of %s",
    async (_, tool, args, says) => {
      const lines = await linesAbout([[tool, args]]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(LINE);
      expect(lines[0]).toContain(says);
    },
  );

  test("is one for each call, in the order the calls ended", async () => {
    const calls = Array.from(
      { length: 50 },
      (_, i) => ["publish_event", { event_type: "t", payload: `no ${i}` }] as const,
    );
    const lines = await linesAbout(calls);
    expect(lines).toHaveLength(50);
    lines.forEach((line, i) => {
      expect(line).toContain(`payload="no ${i}"`);
    });
  });

  test("never holds a secret", async () => {
    const secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0";
    const lines = await linesAbout([
      ["register_webhook", { url: "http://127.0.0.1:9/x", secret }],
      ["register_webhook", { url: "ftp://x", secret }],
      ["register_webhook", { url: 7, secret }],
      ["register_webhook", { secret: `${secret} ${"x".repeat(300)}`, url: "http://127.0.0.1:9/x" }],
      ["list_webhooks", {}],
    ]);
    expect(lines).toHaveLength(5);
    expect(lines.join("\n")).not.toContain("c2VjcmV0");
    expect(lines[0]).toContain("secret=…");
  });

  test("is short, whatever is sent", async () => {
    const long = "long ".repeat(40_000);
    const lines = await linesAbout([
      [
        "publish_event",
        { event_type: "t", payload: long, tags: Array(32).fill("x".repeat(64)), session_id: long },
      ],
      [
        "publish_event",
        { event_type: "t", payload: long, channel: "session:nobody", title: "x".repeat(256) },
      ],
      ["get_events", { event_types: Array(64).fill("y".repeat(128)) }],
    ]);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line.length).toBeLessThan(1_000);
  });

  test("has no control or invisible character, wherever they were sent", async () => {
    const everywhere = HOSTILE.flatMap((text) => [
      [
        "publish_event",
        {
          event_type: text,
          payload: `${text}\n2026 forged line`,
          session_id: text,
          channel: text,
          title: text,
          tags: [text],
        },
      ] as const,
      ["register_session", { name: text, client_id: text, cwd: text, machine: text, repo: text }] as const,
      ["unregister_session", { session_id: text }] as const,
      ["get_events", { session_id: text, correlation_id: text, event_types: [text] }] as const,
      ["get_events", { limit: text, order: text, min_level: text }] as const,
      [
        "register_webhook",
        { url: `http://127.0.0.1:9/${text}`, channel: text, event_types: [text] },
      ] as const,
    ]);
    const lines = await linesAbout(everywhere);
    expect(unsafeIn(lines.join("\n"))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(everywhere.length);
    for (const line of lines) expect(line).toStartWith(STAMP);
  });
});

describe("the log file", () => {
  test("never has control characters or colours, in any kind of line, and gets one line for each", async () => {
    const folder = tempFolder();
    const shown: string[] = [];
    const log = logIn(folder, { terminal: (line) => void shown.push(line) });
    const text = `${ALL_HOSTILE}\nsecond line`;
    log.info(text);
    log.warn(text);
    log.error(text, new Error(text));
    log.error(text, text);
    log.call(() => ({ who: "w", tool: "t", args: "a", outcome: "refused", detail: "d", ms: 1.23 }));
    await log.flush();
    expect(linesOf(folder)).toHaveLength(5);
    expect(unsafeIn(textOf(folder))).toEqual([]);
    expect(unsafeIn(textOf(folder, "bus.err"))).toEqual([]);
    expect(shown).toHaveLength(5);
    expect(shown[1]).toContain("\x1b[33m");
    const colours = new RegExp(`${String.fromCharCode(27)}\\[\\d*m`, "g");
    expect(unsafeIn(shown.join("").replaceAll(colours, ""))).toEqual([]);
  });

  test("keeps the order and the time of calls that are described later, and outlives one that cannot be", async () => {
    const folder = tempFolder();
    let at = AT;
    const log = logIn(folder, { now: () => at });
    const line = { who: "w", tool: "t", args: "", outcome: "ok", detail: "", ms: 12.96 } as const;
    let described = 0;
    log.info("before");
    log.call(() => ({ ...line, detail: `#${++described}` }));
    log.call(() => {
      throw new Error("odd\nerror");
    });
    at += 1;
    log.info("between");
    log.call(() => ({ ...line, detail: `#${++described}`, ms: 0.04 }));
    expect(described).toBe(0);
    await log.flush();
    expect(linesOf(folder)).toEqual([
      `${STAMP} info  before`,
      `${STAMP} info  w t → ok #1 13.0 ms`,
      "a line of log could not be made: Error: odd⏎error",
      "2026-01-02T03:04:05.679Z info  between",
      "2026-01-02T03:04:05.679Z info  w t → ok #2 0.0 ms",
    ]);
  });

  test("describes calls at once while a write is held up, so that they do not pile up with all they were sent", async () => {
    const folder = tempFolder();
    const pipe = join(folder, "pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    const log = logIn(folder);
    const line = { who: "w", tool: "t", args: "", outcome: "ok", detail: "", ms: 1 } as const;
    // Every thread that could write waits for the other end of the pipe.
    const waiting = Array.from({ length: 300 }, () => open(pipe, "r"));
    log.info("waits for a thread");
    await Bun.sleep(100);
    let described = 0;
    for (let i = 0; i < 3; i++) log.call(() => ({ ...line, detail: `#${++described}` }));
    expect([described, existsSync(join(folder, "bus.log"))]).toEqual([3, false]);
    const writer = openSync(pipe, constants.O_RDWR);
    for (const file of await Promise.all(waiting)) await file.close();
    closeSync(writer);
    await log.flush();
    expect(textOf(folder).match(/#\d/g)).toEqual(["#1", "#2", "#3"]);
  });

  test("is the owner's alone, and so is its folder", async () => {
    const folder = join(tempFolder(), "new", "folder");
    const log = logIn(folder);
    log.error("an error", new Error("details"));
    await log.flush();
    for (const name of ["bus.log", "bus.err"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(textOf(folder, "bus.err")).toMatch(/an error\nError: details\n +at /);
  });

  test("is rotated by size: three files of about the limit, nothing lost but the oldest", async () => {
    const folder = tempFolder();
    const rotateBytes = 10_000;
    const log = logIn(folder, { rotateBytes });
    for (let i = 0; i < 2_000; i++) {
      log.info(`line ${i}`);
      if (i % 10 === 9) await log.flush();
    }
    const names = readdirSync(folder).sort();
    expect(names).toEqual(["bus.log", "bus.log.1", "bus.log.2"]);
    for (const name of names) expect(statSync(join(folder, name)).size).toBeLessThan(rotateBytes + 1_000);
    const kept = names.reverse().flatMap((name) => linesOf(folder, name));
    const first = 2_000 - kept.length;
    expect(kept.length).toBeGreaterThan(400);
    kept.forEach((line, i) => {
      expect(line).toBe(`${STAMP} info  line ${first + i}`);
    });
  });

  test("that is too large at the start is rotated before the first line", async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, "bus.log"), "x".repeat(5_000), { mode: 0o644 });
    const log = logIn(folder, { rotateBytes: 4_000 });
    log.info("new");
    await log.flush();
    expect(linesOf(folder)).toHaveLength(1);
    expect(statSync(join(folder, "bus.log.1")).size).toBe(5_000);
  });

  test("that is no plain file, like a pipe or a device, keeps its name and its mode", async () => {
    const folder = tempFolder();
    const pipe = join(folder, "pipe");
    Bun.spawnSync(["mkfifo", "-m", "644", pipe]);
    const bothEnds = openSync(pipe, "r+");
    const log = logIn(folder, { file: pipe, rotateBytes: 10 });
    for (let i = 0; i < 5; i++) {
      log.info("a line longer than the limit");
      await log.flush();
    }
    expect(statSync(pipe).mode & 0o777).toBe(0o644);
    expect(readdirSync(folder)).toEqual(["pipe"]);
    closeSync(bothEnds);
  });
});
