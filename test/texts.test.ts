import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { partsOfPage, textsOf } from "./texts/collect.ts";
import { readPlaces, saidIn } from "./texts/places.ts";
import { breachesOf } from "./texts/rules.ts";
import { cellsIn, changesOf, rowsIn, WORDING } from "./texts/wording.ts";

const places = readPlaces();

test("every text that users and agents read is plain English", async () => {
  const said = await saidIn(places);
  expect(said.length).toBeGreaterThan(1_000);
  expect(said.flatMap(breachesOf)).toEqual([]);
});

test("the reviewed page has the wording of today: every new text stands in its file, and no old one", async () => {
  const cells = await cellsIn(places);
  const rows = rowsIn(readFileSync(WORDING, "utf8"));
  const news = rows.filter(({ path, next }) => next !== "" && !cells.get(path)?.includes(next));
  const olds = rows.filter(({ path, old, next }) => {
    const again = rows.some((row) => row.path === path && row.next === old);
    return old !== "" && old !== next && !again && cells.get(path)?.includes(old);
  });
  expect(rows.length).toBeGreaterThan(400);
  expect({ news, olds }).toEqual({ news: [], olds: [] });
});

/** Sources with one breach each, and what is found. */
const BREACHES: readonly [source: string, breach: RegExp][] = [
  ['throw new Error("It is too late for that.");', /"It": name the subject/],
  ['const about = "What one webhook never got";', /"What": start with a verb or a noun phrase/],
  ['to.note("Nobody is there to answer.");', /"Nobody": user, client, caller/],
  [`const error = \`The event \${id} is no direct message.\`;`, /"is no ": is not a …, there is no …/],
  ['const hint = "Nothing was stored; try again.";', /"; try": two sentences/],
  ['const about = "Push nothing for so long";', /"so long": up to N s/],
  [
    'const a = { command: { about: "The id that list_webhooks shows" } };',
    /"list_webhooks": the command instead/,
  ],
  [`const a = "${"one of many words ".repeat(7)}";`, /a sentence of more than 25 words/],
  [`const a = \`One of \${b ? "the names" : "It is too late"}\`;`, /"It": name the subject/],
  ['const a = "The first part, " + b + " and it is none";', /"is none": is not a …, there is no …/],
];

test.each(BREACHES)("a breach is found: %s", async (source, breach) => {
  const found = (await textsOf({ "lib/a.ts": source })).flatMap(breachesOf);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(breach);
});

test("what no user reads is not collected", async () => {
  const source = `import { a } from "It is a module"; type B = "It is a type"; // It is a comment.
    const sql = "SELECT it FROM texts"; const words = "able agile airy".split(" "); const key = "session_id";`;
  expect(await textsOf({ "lib/a.ts": source })).toEqual([]);
});

test("of a page the paragraphs, items and cells are read, without headings and code", () => {
  const page =
    "# What it is\n\nOne line\nand another.\n\n- an item `x`\n- two\n\n| Head one | b |\n| --- | --- |\n\n```\nIt is code\n```\n";
  const parts = partsOfPage("docs/a.md", page).map(({ text }) => text);
  expect(parts).toEqual(["One line and another.", "an item `x`", "Head one"]);
});

test("texts that replace each other stand beside each other", () => {
  const changes = changesOf(["a", "old", "b", "gone"], ["a", "new", "b", "c", "d"]);
  expect(changes).toEqual([
    { old: "old", next: "new" },
    { old: "gone", next: "c" },
    { old: "", next: "d" },
  ]);
});
