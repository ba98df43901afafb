import { expect, test } from "bun:test";
import { parse } from "jsonc-parser";
import { JsonText, propertyOf } from "../../src/lib/jsonc.ts";
import { pick, type Random, random } from "../support/fuzz/random.ts";

const FILE = "/home/me/.claude/settings.json";

/** Adds `"n": {"x": [1]}` to the outermost object, and takes it out again. */
function there(text: string): { after: string; back: string } {
  const json = new JsonText(text, FILE);
  json.insert(json.root, { x: [1] }, "n");
  const after = json.toString();
  const added = propertyOf(json.root, "n")?.parent;
  if (added === undefined) throw new Error(`nothing was added: ${after}`);
  json.remove(added);
  return { after, back: json.toString() };
}

const PRETTY = '"n": {\n    "x": [\n      1\n    ]\n  }';

test.each([
  ["an empty object", "{}", `{\n  ${PRETTY}\n}`],
  ["two spaces", '{\n  "a": 1\n}\n', `{\n  "a": 1,\n  ${PRETTY}\n}\n`],
  ["tabs", '{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"n": {\n\t\t"x": [\n\t\t\t1\n\t\t]\n\t}\n}'],
  ["four spaces", '{\n    "a": {}\n}', `{\n    "a": {},\n    ${PRETTY.replace(/ {2}/g, "    ")}\n}`],
  ["one line", '{ "a": [1, 2] }', '{ "a": [1, 2], "n": { "x": [1] } }'],
  ["no blanks", '{"a":1}', '{"a":1, "n": { "x": [1] }}'],
  ["CRLF", '{\r\n  "a": 1\r\n}\r\n', `{\r\n  "a": 1,\r\n  ${PRETTY.replaceAll("\n", "\r\n")}\r\n}\r\n`],
  ["a byte order mark", '\ufeff{\n  "a": 1\n}', `\ufeff{\n  "a": 1,\n  ${PRETTY}\n}`],
  ["a trailing comma", '{\n  "a": 1,\n}', `{\n  "a": 1,\n  ${PRETTY},\n}`],
  ["a comment beside the last one", '{\n  "a": 1 // one\n}', `{\n  "a": 1, // one\n  ${PRETTY}\n}`],
  ["a comment beside the last comma", '{\n  "a": 1, // one\n}', `{\n  "a": 1, // one\n  ${PRETTY},\n}`],
  ["a comment at the end", '{\n  "a": 1\n  // end\n}', `{\n  "a": 1,\n  ${PRETTY}\n  // end\n}`],
  ["only a comment", "{\n  // nothing yet\n}", `{\n  ${PRETTY}\n  // nothing yet\n}`],
  [
    "a comma in front",
    '{\n    "a": 1\n  , "b": 2\n}',
    `{\n    "a": 1\n  , "b": 2,\n  ${PRETTY.replace(/ {2}/g, "    ").replaceAll("\n    ", "\n  ")}\n}`,
  ],
])("%s: what is added fits in, and what was there stays to the byte", (_what, before, after) => {
  expect(there(before)).toEqual({ after, back: before });
});

test.each([
  ["the first of several lines", '[\n  "x",\n  1\n]', "[\n  1\n]"],
  ["the first on a line", '["x", 1]', "[1]"],
  ["one in the middle", '[0, "x", 1]', "[0, 1]"],
  ["one in the middle of lines", '[\n  0,\n  "x",\n  1\n]', "[\n  0,\n  1\n]"],
  ["the last one", '[0, "x"]', "[0]"],
  ["the last one with a comma after it", '[\n  0,\n  "x",\n]', "[\n  0,\n]"],
  ["the only one", '[\n  "x"\n]', "[]"],
  ["the only one with a comma", '["x",]', "[]"],
  [
    "one between comments",
    '[\n  0, // zero\n  "x", // ex\n  1 // one\n]',
    "[\n  0, // zero\n // ex\n  1 // one\n]",
  ],
  ["the last one after a comment", '[\n  0, // zero\n  "x"\n]', "[\n  0 // zero\n]"],
])("%s is taken out", (_what, before, after) => {
  const json = new JsonText(`{"list": ${before}}`, FILE);
  const node = propertyOf(json.root, "list")?.children?.find(({ value }) => value === "x");
  if (node === undefined) throw new Error("no such item");
  json.remove(node);
  expect(json.toString()).toBe(`{"list": ${after}}`);
});

test("an empty file becomes an object", () => {
  expect(there("").after).toBe(`{\n  ${PRETTY}\n}\n`);
  expect(there("\ufeff \r\n").after).toBe(`\ufeff{\r\n  ${PRETTY.replaceAll("\n", "\r\n")}\r\n}\r\n`);
});

test("of a key that stands there twice the last one counts, as for every parser", () => {
  const json = new JsonText('{"a": 1, "a": 2}', FILE);
  expect(propertyOf(json.root, "a")?.value).toBe(2);
});

test.each([
  ["hello", "is not JSON: Invalid symbol at line 1, column 1"],
  ['{\n  "a": 1\n  "b": 2\n}', "is not JSON: Comma expected at line 3, column 3"],
  ['{\r\n  "a": [1, 2\r\n', "is not JSON: Close bracket expected at line 3, column 1"],
  ["{} {}", "is not JSON: End of file expected at line 1, column 4"],
  ["[]", "line 1, column 1: it is an array where an object is expected"],
  ["null", "line 1, column 1: it is null where an object is expected"],
])("%j is refused with the place", (text, says) => {
  expect(() => new JsonText(text, FILE)).toThrow(says);
  expect(() => new JsonText(text, FILE)).toThrow(FILE);
});

/** A text of JSON with comments, written the way no formatter would. */
class Scribbler {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  file(): string {
    return (
      this.#blank() +
      this.#list("{", "}", () => `"${this.#key()}"${this.#blank()}:${this.#value(2)}`) +
      this.#blank()
    );
  }

  #value(depth: number): string {
    const kind = depth === 0 ? 0 : this.#random(3);
    const text =
      kind === 0
        ? pick(this.#random, ["1", "true", '"a, // b"', '"}]"', "null"])
        : kind === 1
          ? this.#list("[", "]", () => this.#value(depth - 1))
          : this.#list("{", "}", () => `"${this.#key()}":${this.#value(depth - 1)}`);
    return this.#blank() + text;
  }

  #list(open: string, close: string, item: () => string): string {
    const items = Array.from({ length: this.#random(4) }, () => this.#blank() + item() + this.#blank());
    const comma = items.length > 0 && this.#random(3) === 0 ? "," : "";
    return `${open}${items.join(",")}${comma}${this.#blank()}${close}`;
  }

  #key(): string {
    return pick(this.#random, ["a", "b", "hooks ", "é"]) + this.#random(100);
  }

  #blank(): string {
    return pick(this.#random, [
      "",
      "",
      " ",
      "\n",
      "\r\n\t",
      "  \n  ",
      " /* c */",
      " // c, }\n",
      "\n// d\n  ",
    ]);
  }
}

test("whatever a person has written, adding and taking out changes nothing else", () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const text = new Scribbler(random(seed)).file();
    const { after, back } = there(text);
    const without = { ...parse(after) };
    expect(without.n).toEqual({ x: [1] });
    delete without.n;
    const shown = `seed ${seed}: ${JSON.stringify(text)} → ${JSON.stringify(after)}`;
    expect(`${shown}: ${JSON.stringify(without)}`).toBe(`${shown}: ${JSON.stringify(parse(text))}`);
    // Blanks inside of what is empty may go.
    expect(`${shown}: ${dense(back)}`).toBe(`${shown}: ${dense(text)}`);
  }
});

function dense(text: string): string {
  return text.replace(/\s+/g, "");
}
