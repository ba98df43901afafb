import { describe, expect, test } from "bun:test";
import { jsonProblem } from "../../src/domain/json_bounds.ts";
import type { Limits } from "../../src/domain/limits.ts";
import { DEFAULT_LIMITS } from "../support/limits.ts";

/** Texts that look like the structure around them once their escapes are misread. */
const TEXTS = [
  "",
  "a",
  '"',
  "\\",
  '\\"',
  "[{,",
  '"]',
  "\\\\",
  'x"y\\',
  "grün\n",
  "\u0001",
  "]}",
  "{}".repeat(9),
];

/** Escapes besides those of a payload. */
const OTHER_ESCAPES = 64 * 1024;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** A value at most four levels deep, with texts as names and as values. */
function madeUp(pick: (below: number) => number, depth = 4): unknown {
  const kind = depth === 0 ? 2 + pick(3) : pick(5);
  const text = () => TEXTS[pick(TEXTS.length)] as string;
  if (kind === 0) return Array.from({ length: pick(4) }, () => madeUp(pick, depth - 1));
  if (kind === 1)
    return Object.fromEntries(Array.from({ length: pick(4) }, () => [text(), madeUp(pick, depth - 1)]));
  return kind === 2 ? text() : kind === 3 ? null : -1.5e7;
}

interface Size {
  depth: number;
  values: number;
}

/** Depth of a parsed value, and one value for each list, each object and each comma. */
function sizeOf(value: unknown): Size {
  if (typeof value !== "object" || value === null) return { depth: 0, values: 0 };
  const inner = Object.values(value).map(sizeOf);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values: Math.max(1, inner.length) + inner.reduce((sum, { values }) => sum + values, 0),
  };
}

const within = (text: string, limits: Partial<Limits>) => jsonProblem(text, { ...DEFAULT_LIMITS, ...limits });

describe("the bounds of a JSON text", () => {
  test("are met by a thousand texts that hold exactly as much, and missed by one less", () => {
    const pick = random(7);
    for (let i = 0; i < 1_000; i++) {
      // The values are counted at a comma.
      const value = [madeUp(pick), 0];
      const text = JSON.stringify(value, null, pick(2));
      const { depth, values } = sizeOf(value);
      expect(within(text, { json_depth: depth, json_values: values + 1 })).toBeNull();
      expect(within(text, { json_depth: depth - 1 })).toContain("levels of nesting");
      expect(within(text, { json_values: values })).toContain("values");
    }
  });

  test.each(["\\n", '\\"', "\\\\", "\\u0001"])("count the escape %s in all texts together", (one) => {
    const most = OTHER_ESCAPES + 10;
    for (const [count, problem] of [
      [most, null],
      [most + 1, "more than 10 escaped characters (limit payload_bytes)"],
    ] as const) {
      const text = JSON.stringify(["", { "": "" }]).replaceAll('""', (_, at) =>
        at === 1 ? `"${one.repeat(count - 2)}"` : `"${one}"`,
      );
      expect(JSON.parse(text)).toHaveLength(2);
      expect(within(text, { payload_bytes: 10 })).toBe(problem);
    }
  });

  test.each(['"', '["', '"\\', '"\\"', "\\", '\\"[', "[".repeat(9), '{"a":"\\\\"'])(
    "leave a text that is not JSON to the parser: %s",
    (text) => {
      expect(within(text, {})).toBeNull();
    },
  );
});
