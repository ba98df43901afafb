import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, readTexts } from "../build/sources.ts";

const root = join(import.meta.dir, "..");
const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
const part = page.split("\n## The way of a call\n")[1]?.split("\n## ")[0] ?? "";
const sources = await parse(readTexts(join(root, "src")));
const imports = new Map(sources.map((source) => [source.path, source.imports.map(({ file }) => file)]));

interface Step {
  file: string;
  /** The list, the wiring or the port that leads to it. */
  through: string | undefined;
  decides: boolean;
}

function stepsOf(heading: string): Step[] {
  const list = part.split(`**${heading}**`)[1]?.split("\n**")[0] ?? "";
  const lines = list.matchAll(/^\d+\. (\*\*)?`([^`]+)`(?:\*\*)?(?: \(`([^`]+)`\))?:/gm);
  return Array.from(lines, ([, bold, file = "", through]) => ({
    file,
    through,
    decides: bold !== undefined,
  }));
}

const loads = (from: string, to: string) => imports.get(from)?.includes(to) ?? false;

function leadsTo({ file, through }: Step, above: readonly Step[]): boolean {
  if (through !== undefined) return loads(through, file) || loads(file, through);
  return above.some((earlier) => loads(earlier.file, file));
}

test.each([
  ["publish_event", 12],
  ["One webhook delivery", 9],
  ["hook prompt", 6],
])("the way of %s takes at most %i files, each loaded by one before it", (heading, most) => {
  const steps = stepsOf(heading);
  expect(steps.length).toBeGreaterThan(4);
  expect(steps.length).toBeLessThanOrEqual(most);
  const lost = steps.filter((step, i) => i > 0 && !leadsTo(step, steps.slice(0, i)));
  expect(lost.map(({ file }) => file)).toEqual([]);
});

test("five files decide on a published event", () => {
  expect(stepsOf("publish_event").filter(({ decides }) => decides)).toHaveLength(5);
});
