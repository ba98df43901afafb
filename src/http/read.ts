import type { Caller } from "../domain/caller.ts";
import { beginning } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";
import { getEvents } from "../operations/get_events.ts";
import { listNeeds } from "../operations/list_needs.ts";
import { listSessions } from "../operations/list_sessions.ts";
import { listWebhooks } from "../operations/list_webhooks.ts";
import type { Operation, ToolParam } from "../operations/operation.ts";
import { type ApiOptions, callOf } from "./api.ts";
import { answerWith, takeJson } from "./json_call.ts";

/** The operation behind a path, and how a URL asks it. */
interface Read {
  operation: Operation;
  /** Parameters that a URL may not have: a GET changes nothing and does not wait. */
  without?: readonly string[];
  /** Arguments of every call. */
  fixed?: Json;
}

/** By which the programs of a machine tell its sessions. */
const MACHINE = ["machine", "machine_id"];

const READS = {
  needs: { operation: listNeeds },
  sessions: { operation: listSessions, without: ["cost", ...MACHINE] },
  cost: { operation: listSessions, without: MACHINE, fixed: { cost: true } },
  events: {
    operation: getEvents,
    without: ["session_id", "resume", "peek", "acks", "wait_seconds"],
  },
  webhooks: { operation: listWebhooks },
} satisfies Record<string, Read>;

/** A word after `/api/` whose GET reads. */
export type ReadName = keyof typeof READS;

export const READ_NAMES = Object.keys(READS) as ReadName[];

/** Handles the GET of a name: the query in, the result or `error` out. */
export function readHandler(name: ReadName, options: ApiOptions) {
  const { operation, without = [], fixed = {} }: Read = READS[name];
  const known = Object.keys(operation.params).filter((one) => !without.includes(one) && !(one in fixed));
  const { door, shares } = options;
  return async (request: Request, caller: Caller): Promise<Response> => {
    const taken = await takeJson(request, caller, options);
    if ("answer" in taken) return taken.answer;
    const asked = argumentsIn(request.url, operation, known);
    if ("problem" in asked) return Response.json({ error: asked.problem }, { status: 400 });
    const args = { ...(await withTime(asked.args)), ...fixed };
    const outcome = await door.invoke(operation.name, args, callOf(request, caller));
    return answerWith(outcome, request, caller, shares);
  };
}

type Asked = { args: Json } | { problem: string };

/** The arguments in the query of a URL, by their declared types. The door checks their bounds. */
function argumentsIn(url: string, { params }: Operation, known: readonly string[]): Asked {
  const query = new URL(url).searchParams;
  const args: Json = {};
  for (const name of new Set(query.keys())) {
    const param = known.includes(name) ? params[name] : undefined;
    if (param === undefined) return { problem: unknown(name, known) };
    const value = valueIn(param, query.getAll(name));
    if (value === undefined) return { problem: malformed(name, param, query.getAll(name)) };
    args[name] = value;
  }
  return { args };
}

/** Undefined if the texts are no value of the parameter. */
function valueIn({ type }: ToolParam, texts: readonly string[]): Json[string] {
  if (type === "list") return texts.flatMap((text) => text.split(","));
  const [text = "", ...others] = texts;
  if (others.length > 0) return undefined;
  switch (type) {
    case "boolean":
      return SWITCHES[text];
    case "integer":
    case "cursor":
      return /^\d{1,15}$/.test(text) ? text : undefined;
    default:
      return text;
  }
}

const SWITCHES: Readonly<Record<string, boolean>> = {
  __proto__: null as never,
  "": true,
  "1": true,
  true: true,
  "0": false,
  false: false,
};

function unknown(name: string, known: readonly string[]): string {
  const others = known.length === 0 ? "This path takes none." : `Known here: ${known.join(", ")}.`;
  return `There is no parameter ${JSON.stringify(beginning(name, 60))}. ${others}`;
}

const FORMS = { boolean: "true or false", integer: "a whole number", cursor: "the id of an event" };

function malformed(name: string, { type }: ToolParam, texts: readonly string[]): string {
  if (texts.length > 1) return `${name} is given ${texts.length} times. Give it once.`;
  const form = FORMS[type as keyof typeof FORMS];
  return `${name} must be ${form}, not ${JSON.stringify(beginning(String(texts[0]), 60))}.`;
}

/** Reads times like `1h` and `yesterday` as the command does, by the bus's own clock and zone. */
async function withTime(args: Json): Promise<Json> {
  if (args.since === undefined) return args;
  const { timeSince } = await import("../lib/since.ts");
  return { ...args, since: timeSince(String(args.since), new Date()) ?? args.since };
}
