import { ConfigError } from "../config/client.ts";
import { NoSessionError, type Printer, UsageError } from "../lib/command.ts";
import { visible, visibleJson } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { Refused, Unreachable } from "../rpc/call.ts";
import type { CliCommand } from "./commands.ts";

// Never 2: in a hook of Claude Code that blocks the person's prompt.
export const DONE = 0;
export const REFUSED = 1;
const NO_SESSION = 1;
const UNREACHABLE = 3;
const WRONG_USAGE = 64;
const UNUSABLE_SETTING = 78;

/** How results of a command are shown. */
export interface View {
  command: CliCommand;
  /** `document`: what it did as JSON for scripts, what went wrong in words. */
  as: "words" | "json" | "document";
  printer: Printer;
}

/** Commands whose results scripts read: JSON wherever no person does. */
export const DOCUMENTS: ReadonlySet<string> = new Set([
  "register",
  "publish",
  "unregister",
  "webhook register",
]);

/** Shows a result; returns the exit code. */
export function show({ command, as, printer }: View, result: Json): number {
  const refused = result.error !== undefined || result.success === false;
  if (as === "json") printer.line(visibleJson(listOf(result)));
  // What a command on files found out is shown even when it is bad news.
  else if (!refused || "run" in command.does) {
    if (as === "document") printer.line(visibleJson(result, 2));
    else command.print(result, printer);
  }
  if (refused) printer.note(`agent-event-bus: ${refusalOf(result, printer)}`);
  if (result.warning !== undefined) printer.note(`Warning: ${printer.text(result.warning)}`);
  if (!refused && result.session_deleted === true)
    printer.note(`Warning: the session ${printer.text(result.display_id)} is unregistered.`);
  if (result.hint !== undefined) printer.note(printer.text(result.hint));
  return refused ? REFUSED : DONE;
}

// A list travels as `{ result: [...] }`; a script wants the list.
function listOf(result: Json): unknown {
  return Array.isArray(result.result) ? result.result : result;
}

function refusalOf(result: Json, printer: Printer): string {
  return result.error === undefined
    ? "The notification could not be shown; the bus's log says why."
    : printer.text(result.error);
}

/** Shows what went wrong; returns the exit code. */
export function explain(error: unknown, debug: boolean, json: boolean, printer: Printer): number {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof UsageError || error instanceof Refused ? error.hint : undefined;
  if (json) printer.line(visibleJson({ error: message, ...(hint === undefined ? {} : { hint }) }));
  printer.note(`agent-event-bus: ${printer.text(message)}`);
  if (hint !== undefined) printer.note(printer.text(hint));
  if (debug && error instanceof Error)
    printer.note(visible(`${error.stack ?? ""}${error.cause ? `\ncause: ${error.cause}` : ""}`));
  if (error instanceof NoSessionError) return NO_SESSION;
  if (error instanceof UsageError) return WRONG_USAGE;
  if (error instanceof ConfigError) return UNUSABLE_SETTING;
  return error instanceof Unreachable ? UNREACHABLE : REFUSED;
}
