import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { operations } from "../src/operations/index.ts";
import { binary } from "./support/binary.ts";
import { drive, type Transcript } from "./transcript/drive.ts";
import { ANSWERS, linesOf, readJson, SENTENCES, type Wordings } from "./transcript/record.ts";

const recorded = readFileSync(ANSWERS, "utf8");
const wordings = readJson<Wordings>(SENTENCES);
let now: Transcript;

beforeAll(async () => {
  now = await drive(binary);
}, 60_000);

test("every answer is byte for byte as recorded, but for ids, times and sentences for people", () => {
  const lines = linesOf(now.answers).split("\n");
  const known = recorded.split("\n");
  expect(lines.filter((line) => !known.includes(line))).toEqual([]);
  expect(lines).toEqual(known);
});

test("every sentence for people reads as its reviewed new wording", () => {
  const reviewed = Object.entries(wordings).map(([at, wording]) => [at, wording.new]);
  expect(now.sentences).toEqual(Object.fromEntries(reviewed));
});

test("the transcript has calls of every tool, more than one of each", () => {
  const titles = recorded
    .trimEnd()
    .split("\n")
    .map((line): string => JSON.parse(line)[0]);
  expect(titles.length).toBeGreaterThan(150);
  const few = operations.filter(({ name, params }) => {
    const count = titles.filter((title) => title.includes(` ${name}`)).length;
    return count < (Object.keys(params).length === 0 ? 2 : 3);
  });
  expect(few.map(({ name }) => name)).toEqual([]);
});
