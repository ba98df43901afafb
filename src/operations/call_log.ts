import type { Caller } from "../domain/caller.ts";
import type { ToolResult } from "../http/mcp/result.ts";
import { visibleLine } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import type { Operation } from "./operation.ts";

/** Where the line of each tool call goes. */
export interface CallLog {
  log(describe: () => CallLine): void;
  /** The call was about an unregistered session; `answer` carries its fields. */
  deleted(tool: string, answer: Json): void;
  /** An error that is no refusal: the details for whoever repairs it. */
  unexpected(tool: string, error: unknown): void;
}

/** What one line says. Every text is safe to be shown. */
export interface CallLine {
  who: string;
  tool: string;
  args: string;
  outcome: "ok" | "refused" | "invalid";
  detail: string;
  ms: number;
}

const MOST_WARNED = 1_000;

/** Warns once for each unregistered session and tool: a hook that does not know goes on calling. */
export function warnOfDeleted(warn: (message: string) => void): CallLog["deleted"] {
  const warned = new Set<string>();
  return (tool, { session_id, display_id, deleted_at }) => {
    const key = JSON.stringify([tool, session_id, deleted_at]);
    if (warned.has(key)) return;
    if (warned.size >= MOST_WARNED) warned.clear();
    warned.add(key);
    const session = `${visibleLine(String(display_id), 40)} (${visibleLine(String(session_id), 40)})`;
    warn(`${tool} for ${session}, unregistered at ${deleted_at}; this is logged once`);
  };
}

const SHOWN = 60;
const SECRET = new Set(["secret", "token"]);

/** One line about one call: who, tool, arguments in short, outcome, ms. Never a secret, never raw text of a client. */
export function describeCall(
  operation: Operation,
  args: unknown,
  result: Pick<ToolResult, "problem" | "structured">,
  caller: Caller,
  ms: number,
): CallLine {
  const given = typeof args === "object" && args !== null ? (args as Json) : {};
  const who = given.session_id ?? given.client_id ?? "-";
  const { outcome, detail } = outcomeOf(result);
  return {
    who: `${visibleLine(textOf(who), 40)}${caller.local ? "" : ` from ${visibleLine(caller.origin, 80)}`}`,
    tool: operation.name,
    args: argsInShort(operation, given),
    outcome,
    detail,
    ms,
  };
}

/** What a client sent in the place of a text. Not String(): an object may come with a toString that is no function. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

function argsInShort(operation: Operation, given: Json): string {
  let text = "";
  for (const name in operation.params) {
    const value = given[name];
    if (name === "session_id" || value === undefined || value === null) continue;
    text += `${text && " "}${name}=${SECRET.has(name) ? "…" : inShort(value)}`;
  }
  return text;
}

/** Text that stands in JSON as it is, and is safe to be shown. */
const ORDINARY = /^[ !#-[\]-~]*$/;

function inShort(value: unknown): string {
  if (typeof value !== "string") return visibleLine(JSON.stringify(value) ?? "", SHOWN);
  const start = value.slice(0, SHOWN * 2);
  if (!ORDINARY.test(start)) return visibleLine(JSON.stringify(start), SHOWN);
  return start.length <= SHOWN - 2 ? `"${start}"` : `"${start.slice(0, SHOWN - 2)}…`;
}

function outcomeOf(result: Pick<ToolResult, "problem" | "structured">): Pick<CallLine, "outcome" | "detail"> {
  if (result.problem !== undefined) return { outcome: "invalid", detail: visibleLine(result.problem, 200) };
  const { error, warning, event_id, events } = result.structured ?? {};
  if (error !== undefined) return { outcome: "refused", detail: visibleLine(String(error), 200) };
  const found =
    event_id !== undefined ? `#${event_id}` : Array.isArray(events) ? `${events.length} events` : "";
  if (warning === undefined) return { outcome: "ok", detail: found };
  return { outcome: "ok", detail: `${found && `${found} `}${visibleLine(String(warning), 200)}` };
}
