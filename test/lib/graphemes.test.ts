import { expect, test } from "bun:test";
import { cutTo, widthOf } from "../../src/cli/text_width.ts";
import { shown } from "../../src/desktop/programs.ts";
import { wordsOf } from "../../src/desktop/words.ts";
import { bounded } from "../../src/hooks/input.ts";
import { plainName } from "../../src/hooks/plain_name.ts";
import { inLine } from "../../src/hooks/text.ts";
import { visibleLine } from "../../src/lib/escape.ts";
import { firstWords } from "../../src/lib/first_words.ts";
import { beginning, boundaryAt, excerpt, shortened } from "../../src/lib/graphemes.ts";
import { lineOf } from "../../src/page/characters.ts";
import { jsonOf } from "../../src/push/message.ts";

const GRAPHEMES = [
  ...[
    "a",
    "e\u0301",
    "\u{1f469}\u200d\u{1f4bb}",
    "\u{1f44d}\u{1f3fd}",
    "\u{1f1e9}\u{1f1ea}",
    "1\ufe0f\u20e3",
  ],
  ...[
    "\u1112\u1161\u11ab",
    "\u0e01\u0e33",
    "\u0915\u094d\u0937",
    "❤\ufe0f",
    "日",
    "\u{1f995}",
    "z\u0335\u0322\u0321",
  ],
];
const segmenter = new Intl.Segmenter();

/** Texts in which each length of the beginning ends somewhere inside another grapheme. */
const texts = GRAPHEMES.flatMap((one) => [one.repeat(400), `ab ${one}`.repeat(150)]);
texts.push(
  GRAPHEMES.join("").repeat(40),
  Array.from({ length: 300 }, (_, i) => GRAPHEMES[(i * i) % 13]).join(" "),
);

function edgesOf(text: string): number[] {
  return [...Array.from(segmenter.segment(text), ({ index }) => index), text.length];
}

test("the beginning of a text is the longest one that ends between graphemes", () => {
  for (const text of texts) {
    const edges = edgesOf(text.slice(0, 900));
    const lengths = edges.map((edge) => Array.from(text.slice(0, edge)).length);
    for (let most = 0; most < 60; most++)
      expect(beginning(text, most)).toBe(
        text.slice(
          0,
          edges.findLast((_, i) => (lengths[i] ?? 0) <= most),
        ),
      );
  }
});

test("a boundary is where the segmenter sees one, at every index", () => {
  for (const text of texts) {
    const edges = edgesOf(text);
    for (let index = 0; index <= 120; index++)
      expect(boundaryAt(text, index)).toBe(edges.findLast((edge) => edge <= index) ?? 0);
  }
  expect(boundaryAt("a\r\nb", 2)).toBe(1);
});

test("a text that fits stays, a longer one has an ellipsis", () => {
  expect([excerpt("12345", 5), excerpt("123456", 5)]).toEqual(["12345", "12345…"]);
  expect([shortened("12345", 5), shortened("123456", 5)]).toEqual(["12345", "1234…"]);
  expect(shortened(`a${"\u0301".repeat(9)}`, 5)).toBe("…");
  expect(beginning("\u{1f995}".repeat(4), 4)).toBe("\u{1f995}".repeat(4));
});

const session = { name: "n", display_id: "brave-trex" } as never;
const event = (payload: string) => ({ event_type: "note", channel: "all", payload }) as never;

/** Every sink that cuts, with the text that is left of a longer one. */
const SINKS: Readonly<Record<string, (text: string) => string>> = {
  "a line": (text) => visibleLine(text, 60),
  "a line of an agent's context": (text) => inLine(text, 60),
  "a name that is sent": bounded,
  "a plain name": (text) => plainName(text, 60),
  "the first words": (text) => firstWords(text) ?? "",
  "a table's cell": (text) => cutTo(text, 40),
  "a coloured cell": (text) => Bun.stripANSI(cutTo(`\x1b[1m${text}\x1b[0m`, 40)),
  "a notification's text": (text) => shown({ title: "t", message: text.repeat(9) }).message,
  "a notification's title": (text) => shown({ title: text, message: "m" }).title,
  "a message between agents": (text) =>
    wordsOf({ event: event(text), kind: "message", sender: session, recipient: session, isLate: false })
      .message,
  "a push": (text) => JSON.parse(jsonOf(push(text), { name: "t" } as never)).message,
  "a line of the page": (text) => lineOf(text, 60),
};

function push(message: string) {
  return { name: "n", title: "t", message, priority: 3, tags: [] } as const;
}

/** A text as a sink shows it, before it is cut: in one line, or in a plain alphabet. */
function uncut(name: string, text: string): string[] {
  if (name === "a plain name") return [plainName(text, 10_000)];
  const line = text.replace(/\s+/g, " ").trimStart();
  return [line, line.repeat(9)];
}

test.each(Object.keys(SINKS))("nothing is cut inside a grapheme: %s", (name) => {
  for (const text of texts)
    for (const from of ["", "x", "xy", "xyz"]) {
      const whole = `${from}${text}`.repeat(3);
      const left = (SINKS[name]?.(whole) ?? "").replace(/…$/, "");
      const wholes = uncut(name, whole);
      expect(wholes.some((one) => one.startsWith(left) && isEdge(one, left.length))).toBe(true);
      expect(left.length).toBeLessThanOrEqual(wholes[0]?.length ?? 0);
    }
});

function isEdge(text: string, index: number): boolean {
  return index === text.length || segmenter.segment(text).containing(index)?.index === index;
}

test("a cell of pictographs is measured and cut by its graphemes", () => {
  expect(widthOf("\u{1f469}\u200d\u{1f4bb}")).toBe(4);
  expect(cutTo("ab\u{1f469}\u200d\u{1f4bb}cd", 6)).toBe("ab…");
});
