// Every code point through every place where text of others is shown to a person or an agent.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createPrinter } from "../../src/cli/printer.ts";
import { shown } from "../../src/desktop/programs.ts";
import { wordsOf } from "../../src/desktop/words.ts";
import { needOf } from "../../src/domain/event_need.ts";
import { plainName } from "../../src/hooks/plain_name.ts";
import { briefing } from "../../src/hooks/start.ts";
import { type Collected, handOver, inLine } from "../../src/hooks/text.ts";
import { visible, visibleJson } from "../../src/lib/escape.ts";
import { describeCall } from "../../src/operations/call_log.ts";
import { operations } from "../../src/operations/index.ts";
import { lineOf, piecesOf, plain } from "../../src/page/characters.ts";
import { jsonOf } from "../../src/push/message.ts";
import { createLog } from "../../src/serve/log.ts";
import { tempFolder } from "../support/folder.ts";
import { isHidden, unsafeIn } from "../support/hostile.ts";

const LAST = 0x10ffff;

/** All code points, each behind an `x`, in texts that no place cuts: of at most 200 characters once they are visible. */
function* texts(): Generator<{ text: string; hidden: string[] }> {
  let [text, hidden, length]: [string, string[], number] = ["", [], 0];
  for (let code = 0; code <= LAST; code++) {
    const character = String.fromCodePoint(code);
    if (isHidden(character)) hidden.push(code.toString(16));
    text += `x${character}`;
    length += isHidden(character) ? 11 : 2;
    if (length < 189 && code < LAST) continue;
    yield { text: `${text}x`, hidden };
    [text, hidden, length] = ["", [], 0];
  }
}

const all = [...texts()];

test("the texts below hold every code point", () => {
  const codes = all.reduce((sum, { text }) => sum + (Array.from(text).length - 1) / 2, 0);
  expect(codes).toBe(LAST + 1);
  const hidden = all.flatMap((one) => one.hidden);
  for (const code of [
    "ad",
    "34f",
    "115f",
    "1160",
    "180e",
    "200b",
    "200d",
    "202e",
    "206a",
    "3164",
    "fe0f",
    "ffa0",
  ])
    expect(hidden).toContain(code);
  for (const code of ["e0001", "e0041", "e0100", "e01ef", "d800", "85", "1b"]) expect(hidden).toContain(code);
  for (const code of ["a", "9", "20", "41", "a0", "301", "600", "4e00", "1f995"])
    expect(hidden).not.toContain(code);
});

test("each hidden character is shown by its code, each other one as it is", () => {
  const wrong: string[] = [];
  for (let code = 0; code <= LAST; code++) {
    const character = String.fromCodePoint(code);
    const expected = isHidden(character) ? signOf(code) : character;
    if (visible(`a${character}b`) !== `a${expected}b`) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
});

function signOf(code: number): string {
  if (code === 0x7f) return "␡";
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex}` : code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}

const printed: string[] = [];
const printer = createPrinter({
  ...{ out: (text) => void printed.push(text), err: () => {}, colours: false, width: undefined },
  now: () => 0,
});

function printedBy(print: () => void): string {
  printed.length = 0;
  print();
  return printed.join("");
}

const push = (text: string) => ({ name: "n", title: text, message: text, priority: 3, tags: [] }) as const;
const session = (text: string) => ({ name: text, display_id: text, repo: text }) as never;
const pieces = (text: string, exact: boolean) =>
  piecesOf(text, exact)
    .map((piece) => piece.text)
    .join("");
const [operation] = operations.filter(({ name }) => name === "publish_event");
const caller = { scope: "full", origin: "local", local: true } as never;

function event(text: string): Collected {
  const from = { name: text, display_id: text, repo: text, machine: text };
  return {
    ...{ id: 7, event_type: text, payload: text, title: text, channel: text, correlation_id: text },
    ...{ timestamp: new Date(0).toISOString(), session_id: text, origin: text, from },
  };
}

/** Places for people, where a hidden character is drawn as its code. A tab may stay where lines are not counted. */
const PEOPLE: Readonly<Record<string, (text: string) => string>> = {
  "a terminal's line": (text) => printedBy(() => printer.line(printer.text(text))),
  "a terminal's block": (text) => printedBy(() => printer.block(text, "")),
  "a terminal's table": (text) => printedBy(() => printer.table([{}], [[printer.text(text)]])),
  JSON: (text) => visibleJson({ [text]: text }),
  "a title on the desktop": (text) => shown({ title: text, message: "" }).title,
  "a message on the desktop": (text) => shown({ title: "", message: text }).message,
  "a message on the phone": (text) => JSON.parse(jsonOf(push(text), { name: "t" } as never)).message,
  "the page": (text) => pieces(text, false),
  "the page, exactly": (text) => pieces(text, true),
  "a line of the page": (text) => pieces(lineOf(text), false),
  "a label of the page": plain,
  "a call in the log": (text) =>
    describeCall(operation as never, { payload: "p" }, { value: { error: text } }, caller, 1).detail,
};

/** The same where less than the text has room. */
const BEGINNINGS: typeof PEOPLE = {
  "a sender on the desktop": (text) => {
    const told = { event: event(text) as never, kind: "message", isLate: false } as const;
    const words = wordsOf({ ...told, sender: session(text), recipient: session(text) });
    return Object.values(shown(words)).join();
  },
  "a need": (text) => {
    const asked = { event_type: "help_needed", session_id: "s", payload: text, channel: "all" };
    return needOf({ ...asked, signal_level: "actionable" } as never)?.text ?? "";
  },
};

test.each(Object.keys({ ...PEOPLE, ...BEGINNINGS }))("nothing is hidden from a person in: %s", (name) => {
  const wrong: string[] = [];
  for (const { text, hidden } of all) {
    const seen = (PEOPLE[name] ?? BEGINNINGS[name])?.(text) ?? "";
    if (unsafeIn(seen.replaceAll("\t", " ")).length > 0) wrong.push(text);
    if (name in BEGINNINGS) continue;
    const drawn = seen.toLowerCase();
    wrong.push(...hidden.filter((code) => Number.parseInt(code, 16) > 0xa0 && !isDrawn(drawn, code)));
  }
  expect(wrong).toEqual([]);
});

function isDrawn(drawn: string, code: string): boolean {
  // A label has one space for white space of every kind.
  if (drawn.includes(code) || (/^(2028|2029|feff)$/.test(code) && drawn.includes("x x"))) return true;
  const [high, low] = Array.from({ length: 2 }, (_, i) =>
    String.fromCodePoint(Number.parseInt(code, 16)).charCodeAt(i).toString(16),
  );
  return drawn.includes(`\\u${high}\\u${low}`);
}

const NOTHING = { session_id: "s", events: [], more: 0 };
const since = new Date(0).toISOString();

/** Places in an agent's context, without the tags of our own block. */
const AGENTS: Readonly<Record<string, (text: string) => string>> = {
  "a line": (text) => inLine(text, 256),
  "an event": (text) => inner(handOver({ ...NOTHING, events: [event(text)] }, 0).text),
  "an event of the user": (text) =>
    inner(handOver({ ...NOTHING, events: [{ ...event(text), origin: "person" }] }, 0).text),
  "a line for the user": (text) => handOver({ ...NOTHING, events: [event(text)] }, 0).line,
  "senders that wait": (text) => inner(handOver({ ...NOTHING, more: 1, more_from: { [text]: 1 } }, 0).text),
  "a digest": (text) => {
    const groups = [{ from: text, event_type: text, count: 1 }];
    const reads = [{ channel: text, cursor: "1", count: 1 }];
    return inner(handOver({ ...NOTHING, digest: { count: 1, since, groups, reads } }, 0).text);
  },
  "a new name": (text) => inner(handOver({ ...NOTHING, renamed: text }, 0).text),
};

function inner(text: string): string {
  const lines = text.split("\n");
  expect([lines[0], lines.at(-1)]).toEqual(["<agent-event-bus>", "</agent-event-bus>"]);
  return lines.slice(1, -1).join("\n");
}

test.each(Object.keys(AGENTS))(
  "nothing is hidden from an agent, and nothing begins a tag, in: %s",
  (name) => {
    const wrong: string[] = [];
    for (const { text } of all) {
      const read = AGENTS[name]?.(text) ?? "";
      // A payload keeps its tabs.
      if (read.includes("<") || unsafeIn(read.replaceAll("\t", " ")).length > 0) wrong.push(text);
    }
    expect(wrong).toEqual([]);
  },
);

/** The characters of our own sentences in the briefing, beside those of names. */
const PLAIN = /^[\p{L}\p{M}\p{N} @._/+,:;()"'\n…-]*$/u;

test("the briefing has names in a plain alphabet, whatever character they hold", () => {
  const wrong: string[] = [];
  for (const { text } of all) {
    const other = { name: text, display_id: text, repo: text, machine: text, reach: "wakes" };
    const told = briefing({
      ...{ session_id: "s", display_id: text, name: text, repo: text, claims: [text], warning: text },
      ...{ others: [other], other_sessions: 1, unread: 1, direct: 1, direct_from: [text] },
    });
    const read = inner(told);
    if (!PLAIN.test(read) || unsafeIn(read).length > 0 || told.length > 600) wrong.push(text);
    if (/[^\p{L}\p{M}\p{N}@._/+ -]/u.test(plainName(text, 200))) wrong.push(text);
  }
  expect(wrong).toEqual([]);
});

test("the log holds every character in sight", async () => {
  const folder = tempFolder();
  const [file, errors] = [join(folder, "log"), join(folder, "err")];
  const log = createLog({ file, errors, terminal: undefined, now: () => 0, rotateBytes: 2 ** 30 });
  for (const { text } of all) log.warn(text);
  await log.flush();
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(all.length);
  expect(unsafeIn(lines.join("\n"))).toEqual([]);
});

const KEPT = ["👩‍💻", "❤️", "👩🏽‍💻", "❤️‍🔥", "🏳️‍🌈", "👨‍👩‍👧‍👦", "1️⃣", "#️⃣", "©️", "🏃‍♀️‍➡️"];

test("joiners and styles inside an emoji stay, and are shown anywhere else", () => {
  const seen = [visible, plain, (text: string) => JSON.parse(visibleJson(text))];
  for (const show of seen)
    for (const emoji of KEPT) {
      expect(show(`a${emoji}b`)).toBe(`a${emoji}b`);
      for (const broken of [`${emoji}\u200d`, `\u200d${emoji}`, `${emoji}\ufe0f\ufe0f`, `a\ufe0f${emoji}`])
        if (show !== seen[2]) expect(unsafeIn(show(broken))).toEqual([]);
    }
  expect(visible("a\u200db 1\ufe0f \ufe0f")).toBe("a\\u200db 1\\ufe0f \\ufe0f");
  expect(visible("👩\u200d")).toBe("👩\\u200d");
});
