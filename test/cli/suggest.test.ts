import { expect, test } from "bun:test";
import { suggestion } from "../../src/cli/suggest.ts";

const known = ["register", "unregister", "publish", "events", "ack", "sessions", "channels"];

const cases: [typed: string, meant: string | undefined][] = [
  ["publsh", "publish"],
  ["pubilsh", "publish"],
  ["publishh", "publish"],
  ["bublish", "publish"],
  ["regsiter", "register"],
  ["unregistr", "unregister"],
  ["event", "events"],
  ["sesions", "sessions"],
  ["acl", "ack"],
  ["akc", "ack"],
  ["kca", undefined],
  ["frobnicate", undefined],
  ["x", undefined],
  ["", undefined],
  ["publish", "publish"],
];

for (const [typed, meant] of cases)
  test(`${typed || "nothing"} most likely means ${meant ?? "nothing that is known"}`, () => {
    expect(suggestion(typed, known)).toBe(meant as string);
  });

test("with nothing known, nothing is suggested", () => {
  expect(suggestion("publish", [])).toBeUndefined();
});

test("a word of any length is answered at once", () => {
  const began = performance.now();
  expect(suggestion("x".repeat(20_000), known)).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(1_000);
});

const COMMANDS = [
  { name: "sessions", effect: "reads" },
  { name: "publish", effect: "adds" },
  { name: "uninstall", effect: "changes" },
] as const;

test.each([
  ["sesion", "sessions"],
  ["publsh", "publish"],
  ["pubsh", undefined],
  ["unistall", undefined],
  ["uninstal", undefined],
])(
  "of commands, %s means %p: what adds must be one edit away, what changes is never proposed",
  (typed, meant) => {
    const names = COMMANDS.map(({ name }) => name);
    expect(suggestion(typed, names, COMMANDS)).toBe(meant as string);
  },
);
