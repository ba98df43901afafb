import type { Caller } from "../domain/caller.ts";
import { withoutSecrets } from "../domain/webhook.ts";
import { visibleLine } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import type { Operation } from "./operation.ts";
import type { Denial, Outcome } from "./outcome.ts";

/** Log of calls. */
export interface CallLog {
  /** One line for each call that was let in. */
  call(describe: () => CallLine): void;
  /** A call that was not let in. */
  denied(caller: Caller, denial: Denial): void;
  /** A call about an unregistered session. `value` carries its fields. */
  deleted(tool: string, value: Json): void;
  /** An error that is not a refusal. */
  unexpected(tool: string, error: unknown): void;
}

/** Contents of one line. Every text is safe to show. */
export interface CallLine {
  who: string;
  tool: string;
  args: string;
  outcome: "ok" | "refused" | "invalid";
  detail: string;
  ms: number;
}

const MOST_WARNED = 1_000;

/** Warns once for each unregistered session and tool, because hooks go on calling. */
export function warnOfDeleted(warn: (message: string) => void): CallLog["deleted"] {
  const warned = new Set<string>();
  return (tool, { session_id, display_id, deleted_at }) => {
    const key = JSON.stringify([tool, session_id, deleted_at]);
    if (warned.has(key)) return;
    if (warned.size >= MOST_WARNED) warned.clear();
    warned.add(key);
    const session = `${visibleLine(String(display_id), 40)} (${visibleLine(String(session_id), 40)})`;
    warn(`${tool} was called for ${session}, which was unregistered at ${deleted_at} (logged once)`);
  };
}

const SHOWN = 60;
const SECRET = new Set(["secret", "token", "input"]);

/** The line of one call. Holds no secret and no raw text of a client. */
export function describeCall(
  operation: Operation,
  args: unknown,
  outcome: Outcome,
  caller: Caller,
  ms: number,
): CallLine {
  const given = typeof args === "object" && args !== null ? (args as Json) : {};
  const who = given.session_id ?? given.client_id ?? "-";
  return {
    who: `${visibleLine(textOf(who), 40)}${caller.local ? "" : ` from ${visibleLine(caller.origin, 80)}`}`,
    tool: operation.name,
    args: argsInShort(operation, given),
    ...resultOf(outcome, given.url),
    ms,
  };
}

/** Text for any value of a client. String() would call a `toString` that the client sent. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

function argsInShort(operation: Operation, given: Json): string {
  let text = "";
  for (const name in operation.params) {
    const value = given[name];
    if (name === "session_id" || value === undefined || value === null) continue;
    const shown = name === "url" && typeof value === "string" ? withoutSecrets(value) : value;
    text += `${text && " "}${name}=${SECRET.has(name) ? "…" : inShort(shown)}`;
  }
  return text;
}

/** Text that JSON leaves as it is and that is safe to show. */
const ORDINARY = /^[ !#-[\]-~]*$/;

function inShort(value: unknown): string {
  const start = typeof value === "string" ? value.slice(0, SHOWN * 2) : value;
  // Hot path: most arguments are ordinary text.
  if (typeof start !== "string" || !ORDINARY.test(start))
    return visibleLine(JSON.stringify(start) ?? "", SHOWN);
  return start.length <= SHOWN - 2 ? `"${start}"` : `"${start.slice(0, SHOWN - 2)}…`;
}

function resultOf(outcome: Outcome, url: unknown): Pick<CallLine, "outcome" | "detail"> {
  if ("refusal" in outcome) {
    const { reason } = outcome.refusal;
    const shown =
      typeof url === "string" && url !== "" ? reason.replaceAll(url, withoutSecrets(url)) : reason;
    return { outcome: "invalid", detail: visibleLine(shown, 200) };
  }
  const { value } = outcome;
  if (Array.isArray(value)) return { outcome: "ok", detail: "" };
  const { error, warning, event_id, events } = value;
  if (error !== undefined) return { outcome: "refused", detail: visibleLine(String(error), 200) };
  const found =
    event_id !== undefined ? `#${event_id}` : Array.isArray(events) ? `${events.length} events` : "";
  if (warning === undefined) return { outcome: "ok", detail: found };
  return { outcome: "ok", detail: `${found && `${found} `}${visibleLine(String(warning), 200)}` };
}
