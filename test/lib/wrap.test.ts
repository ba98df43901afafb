import { expect, test } from "bun:test";
import { wrapped, wrappedMessage } from "../../src/lib/wrap.ts";

test("a text is broken between its words, and a longer word has a line of its own", () => {
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrapped("a incomprehensibilities b", 5)).toEqual(["a", "incomprehensibilities", "b"]);
});

const MESSAGES: [text: string, lines: string[]][] = [
  [
    "No bus there. Start it with: agent-event-bus start",
    ["No bus there. Start it", "with:", "agent-event-bus start"],
  ],
  ["Run: chmod 600 /a/very/long/path/of/a/file", ["Run:", "chmod 600 /a/very/long/path/of/a/file"]],
  ["The commands: one, two, three, four, five", ["The commands: one, two,", "three, four, five"]],
  ["Nothing of that kind is here now", ["Nothing of that kind is", "here now"]],
];

for (const [text, lines] of MESSAGES)
  test(`${text}: a command at the end stays whole`, () => {
    expect(wrappedMessage(text, 24)).toEqual(lines);
  });
