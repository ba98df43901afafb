import { boundOf } from "../../../src/domain/limits.ts";
import { isRequired } from "../../../src/lib/param.ts";
import { operations } from "../../../src/operations/index.ts";
import type { Operation, ToolParam as Param } from "../../../src/operations/operation.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { callText, type Kind, methodText, sent } from "./case.ts";
import { key, pick, type Random, STRINGS, value } from "./random.ts";

// Not notify, which starts a program, nor webhooks, which would be called; ask waits, and has a kind of its own.
const HARMLESS = operations.filter(
  ({ name }) => name !== "notify" && name !== "ask" && !name.includes("webhook"),
);
const METHODS = ["tools/list", "ping", "resources/list", "resources/read", "initialize", "x"];

/** A call with some arguments right, some wrong, some unknown; never one that waits. */
function someCall(next: Random): Record<string, unknown> {
  const tool = pick(next, HARMLESS);
  const names = [...Object.keys(tool.params), key(next)].filter((name) => name !== "wait_seconds");
  const args = Object.fromEntries(
    names
      .filter(() => next(3) > 0)
      .map((name) => [name, next(3) === 0 ? value(next) : pick(next, STRINGS)] as const),
  );
  // Few clients: every listing of sessions shows them all.
  if (next(16) > 0 && tool.name === "register_session") args.client_id = `client ${next(50)}`;
  return {
    jsonrpc: "2.0",
    id: next(1_000),
    method: "tools/call",
    params: { name: tool.name, arguments: args },
  };
}

function someMessage(next: Random): unknown {
  const made = someCall(next);
  switch (next(6)) {
    case 0:
      return { ...made, [pick(next, ["jsonrpc", "id", "method", "params", "extra"])]: value(next) };
    case 1:
      return { ...made, method: pick(next, METHODS), params: value(next) };
    case 2:
      return { ...made, params: { name: "get_events", arguments: value(next), _meta: value(next) } };
    default:
      return made;
  }
}

/** Some bytes of a message changed, left out or doubled. */
function damaged(next: Random, text: string): Uint8Array {
  const bytes = [...Buffer.from(text)];
  for (let i = next(3); i > 0; i--)
    bytes.splice(next(bytes.length), next(3), ...[next(256), next(256)].slice(next(3)));
  return Uint8Array.from(bytes);
}

/** A value that a parameter takes. */
function right(param: Param): unknown {
  switch (param.type) {
    case "text":
      return param.choices?.[0] ?? "x";
    case "integer":
      return param.min;
    case "boolean":
      return true;
    case "list":
      return ["x"];
    case "cursor":
      return "1";
  }
}

const OTHERS: unknown[] = [
  [],
  {},
  [[]],
  [null],
  { toString: 1 },
  { valueOf: null, toString: {} },
  { toJSON: 1, length: 9 },
];

/** Values that a parameter does not take. */
function wrong(param: Param): unknown[] {
  switch (param.type) {
    case "text":
      return [1, true, 0.5, ...OTHERS, ...(param.choices ? ["no such choice", "__proto__"] : [])];
    case "integer":
      return [
        `x${param.min}`,
        param.min - 1,
        param.min + 0.5,
        ...(param.clamped ? [] : [1e300]),
        true,
        ...OTHERS,
      ];
    case "boolean":
      return ["true", 1, 0, ...OTHERS];
    case "list":
      return ["x", 1, true, {}, [1], [null], [["x"]], Array(501).fill("x")];
    case "cursor":
      return [true, ...OTHERS];
  }
}

function allRight(tool: Operation): Record<string, unknown> {
  const required = Object.entries(tool.params).filter(([, param]) => isRequired(param));
  return Object.fromEntries(required.map(([name, param]) => [name, right(param)]));
}

const WITH_PARAMS = operations.filter(({ params }) => Object.keys(params).length > 0);
const WITH_REQUIRED = operations.filter(({ params }) => Object.values(params).some(isRequired));

function longText(param: Param): string | undefined {
  const most = param.type === "text" && !param.choices ? boundOf(param.max, DEFAULT_LIMITS) : Infinity;
  return most <= 4_096 ? "é".repeat(most / 2 + 1) : undefined;
}

const UNKNOWN = [
  "",
  "PUBLISH_EVENT",
  "publish_event ",
  "publish_event\0",
  "hasOwnProperty",
  "valueOf",
  ...STRINGS,
];

/** Messages about tools: [share, kind, maker]. */
export const TOOL_KINDS: readonly (readonly [number, string, Kind])[] = [
  [
    30,
    "any message",
    (next) => ({ bytes: sent(JSON.stringify(someMessage(next))), statuses: [200, 202, 400] }),
  ],
  [
    10,
    "a damaged message",
    (next) => ({ bytes: sent(damaged(next, JSON.stringify(someMessage(next)))), statuses: [200, 202, 400] }),
  ],
  [
    10,
    "an odd event",
    (next) => {
      const payload = pick(next, STRINGS) + pick(next, STRINGS);
      const args = {
        event_type: `t${pick(next, STRINGS).slice(0, 60)}`,
        ...{
          payload,
          channel: `c${pick(next, STRINGS).slice(0, 60)}`,
          tags: [pick(next, STRINGS).slice(0, 20)],
        },
        ...{ session_id: pick(next, STRINGS).slice(0, 60), title: pick(next, STRINGS).slice(0, 60) },
      };
      const echoed = payload.toWellFormed();
      return {
        ...{ bytes: sent(callText("publish_event", args)), statuses: [200], stores: 1 },
        holds: ({ result }) => (result.structuredContent.payload === echoed ? null : "another payload"),
      };
    },
  ],
  [
    4,
    "an odd question",
    (next) => {
      const payload = pick(next, STRINGS);
      const args = { to: `s${pick(next, STRINGS).slice(0, 60)}`, payload, wait_seconds: 0 };
      const body = callText("ask", { ...args, session_id: pick(next, STRINGS).slice(0, 60) });
      return {
        ...{ bytes: sent(body), statuses: [200], stores: 1 },
        holds: ({ result }) => (result.structuredContent?.answered === false ? null : "an answer"),
      };
    },
  ],
  [
    4,
    "an odd filter",
    (next) => {
      const args = Object.fromEntries(
        ["channel", "correlation_id", "cursor"].map((name) => [name, pick(next, STRINGS).slice(0, 100)]),
      );
      const body = callText("get_events", { ...args, event_types: [pick(next, STRINGS).slice(0, 100)] });
      return {
        ...{ bytes: sent(body), statuses: [200], stores: 0 },
        holds: ({ result }) => (Array.isArray(result.structuredContent?.events) ? null : "no events"),
      };
    },
  ],
  [
    16,
    "a wrong type",
    (next) => {
      const tool = pick(next, WITH_PARAMS);
      const [name, param] = pick(next, Object.entries(tool.params));
      const args = { ...allRight(tool), [name]: pick(next, wrong(param)) };
      return { bytes: sent(callText(tool.name, args)), statuses: [200], refused: name, stores: 0 };
    },
  ],
  [
    3,
    "a text beyond its bound",
    (next) => {
      const tool = pick(next, WITH_PARAMS);
      const bounded = Object.entries(tool.params).filter(([, param]) => longText(param));
      const [name, param] = bounded.length > 0 ? pick(next, bounded) : [];
      if (name === undefined || param === undefined)
        return { bytes: sent(methodText("ping")), statuses: [200] };
      const args = { ...allRight(tool), [name]: longText(param) };
      return { bytes: sent(callText(tool.name, args)), statuses: [200], refused: name, stores: 0 };
    },
  ],
  [
    3,
    "a missing argument",
    (next) => {
      const tool = pick(next, WITH_REQUIRED);
      const { ...args } = allRight(tool);
      const name = pick(next, Object.keys(args));
      if (next(2) === 0) delete args[name];
      else args[name] = null;
      return {
        ...{ bytes: sent(callText(tool.name, args)), statuses: [200], stores: 0 },
        refused: `${name} is required`,
      };
    },
  ],
  [
    2,
    "arguments that are none",
    (next) => ({
      ...{ statuses: [200], refused: "must be an object", stores: 0 },
      bytes: sent(callText(pick(next, operations).name, pick(next, ["x", 5, true, [], [{}], 0]))),
    }),
  ],
  [
    4,
    "an unknown tool",
    (next) => ({
      ...{ statuses: [200], code: -32602, stores: 0 },
      bytes: sent(
        callText(pick<unknown>(next, [...UNKNOWN, 5, null, ["publish_event"], ...OTHERS]), value(next)),
      ),
    }),
  ],
];
