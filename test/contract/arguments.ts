import { expect, test } from "bun:test";
import { type Bound, boundOf } from "../../src/domain/limits.ts";
import { isRequired } from "../../src/lib/param.ts";
import { operations } from "../../src/operations/index.ts";
import type { Operation, ToolParam as Param } from "../../src/operations/operation.ts";
import { problem, stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { DEFAULT_LIMITS } from "../support/limits.ts";
import { callTool } from "../support/rpc.ts";

const DEEP = { a: { b: [] } };

const most = (bound: Bound) => boundOf(bound, DEFAULT_LIMITS);

/** Values that a parameter's declaration rules out. */
function wrong(param: Param): unknown[] {
  switch (param.type) {
    case "text": {
      const { min = 0, choices } = param;
      const max = most(param.max);
      const bounds =
        choices === undefined ? ["x".repeat(max + 1), "é".repeat(max / 2 + 1)] : ["bogus", "ASC", ""];
      return [5, 0, true, false, [], ["a"], {}, DEEP, ...(min > 0 ? [""] : []), ...bounds];
    }
    case "integer":
      return [
        ...["five", "5.5", " 5", "0x5", "", true, [], [5], {}, DEEP, 1.5, param.min - 1],
        ...(param.clamped ? [] : [2 ** 53, 1e300]),
        ...(most(param.max) < 2 ** 52 && !param.clamped ? [most(param.max) + 1] : []),
      ];
    case "boolean":
      return ["true", "", 1, 0, [], {}, DEEP];
    case "list": {
      const many = Array.from({ length: most(param.max) + 1 }, () => "x");
      return [
        "a",
        5,
        true,
        {},
        DEEP,
        [5],
        [null],
        ["a", null],
        [["a"]],
        [{}],
        many,
        ["x".repeat(most(param.each) + 1)],
      ];
    }
    case "cursor":
      return [true, [], ["1"], {}, DEEP];
  }
}

/** A value at the bound of its declaration. */
function largest(param: Param): unknown {
  switch (param.type) {
    case "text":
      return param.choices === undefined ? "é".repeat(most(param.max) / 2) : param.choices.at(-1);
    case "integer":
      return most(param.max);
    case "boolean":
      return true;
    case "list":
      return Array.from({ length: most(param.max) }, () => "é".repeat(most(param.each) / 2));
    case "cursor":
      return "9".repeat(100_000);
  }
}

/** A value that a parameter takes. */
function right(param: Param): unknown {
  if (param.type === "text") return param.choices?.[0] ?? "text";
  if (param.type === "integer") return param.min;
  if (param.type === "list") return [];
  return param.type === "cursor" ? "1" : true;
}

function required(operation: Operation, of: (param: Param) => unknown): Record<string, unknown> {
  const entries = Object.entries(operation.params).filter(([, param]) => isRequired(param));
  return Object.fromEntries(entries.map(([name, param]) => [name, of(param)]));
}

function short(value: unknown): string {
  return JSON.stringify(value).slice(0, 30);
}

/** "Bad input": every argument has its type, a bound, and a refusal that names it. */
export function arguments_(target: () => TestBus): void {
  for (const operation of operations)
    for (const [name, param] of Object.entries(operation.params))
      test(`${operation.name} refuses a wrong ${name} by name, and stores nothing`, async () => {
        const before = stored(target());
        for (const value of wrong(param)) {
          const args = { ...required(operation, right), [name]: value };
          const text = await problem(target(), operation.name, args);
          expect([short(value), text]).toEqual([
            short(value),
            expect.stringMatching(new RegExp(`^${operation.name}: ${name}(\\[\\d+\\])? (must|is)\\b.*\\.$`)),
          ]);
          expect(text.length).toBeLessThan(200);
        }
        expect(stored(target())).toEqual(before);
      });

  test.each([
    "register_session",
    "publish_event",
    "get_events",
    "ack_events",
    "unregister_session",
    "notify",
  ])("%s takes every argument at its bound", async (tool) => {
    const operation = operations.find(({ name }) => name === tool) as Operation;
    for (const [name, param] of Object.entries(operation.params)) {
      if (name === "wait_seconds") continue;
      const args = { ...required(operation, right), [name]: largest(param) };
      const { isError } = await callTool(target().url, tool, args);
      expect([name, isError]).toEqual([name, undefined]);
    }
  });

  test("several wrong arguments are all named", async () => {
    const text = await problem(target(), "publish_event", { event_type: 1, payload: 2, channel: 3 });
    for (const name of ["event_type", "payload", "channel"]) expect(text).toContain(name);
  });

  for (const args of [[], ["a"], "text", 5, true])
    test(`the arguments ${JSON.stringify(args)} are refused: not an object`, async () => {
      expect(await problem(target(), "publish_event", args)).toContain("object");
    });

  test("a webhook's secret must be printable ASCII, its event types without commas", async () => {
    const url = "http://127.0.0.1:9/";
    for (const secret of ["gehéim", "a b", "a\nb", "\u0000"])
      expect(await problem(target(), "register_webhook", { url, secret })).toContain("secret");
    for (const type of ["a,b", ""])
      expect(await problem(target(), "register_webhook", { url, event_types: [type] })).toContain(
        "event_types",
      );
  });

  test("there may be 100 webhooks; the next one is refused with what to do", async () => {
    const register = { url: "http://127.0.0.1:9/", event_types: ["never"] };
    while (stored(target()).webhooks < 100) await target().call("register_webhook", register);
    expect(await problem(target(), "register_webhook", register)).toContain("unregister_webhook");
    expect(stored(target()).webhooks).toBe(100);
  });
}
