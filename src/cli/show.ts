import { ConfigError } from "../config/parse_settings.ts";
import { NoSessionError, type Printer, UsageError } from "../lib/command.ts";
import { visible, visibleJson } from "../lib/escape.ts";
import { fullDisk } from "../lib/full_disk.ts";
import type { Json } from "../lib/json.ts";
import { Refused, Unreachable } from "../rpc/errors.ts";
import type { CliCommand } from "./commands.ts";

// Never 2, which blocks the user's prompt in a hook of Claude Code.
export const DONE = 0;
export const REFUSED = 1;
const NO_SESSION = 1;
const UNREACHABLE = 3;
const WRONG_USAGE = 64;
const UNUSABLE_SETTING = 78;

/** The way in which results of a command are shown. */
export interface View {
  command: CliCommand;
  /** `document`: results as JSON for scripts, failures in words. */
  as: "words" | "json" | "document";
  printer: Printer;
  /** Under the name of the original's CLI. */
  original: boolean;
}

/** Commands whose results scripts read. Their output is JSON unless stdout is a terminal. */
export const DOCUMENTS: ReadonlySet<string> = new Set([
  "register",
  "publish",
  "unregister",
  "webhook register",
]);

/** Shows a result. Returns the exit code. */
export async function show({ command, as, printer, original }: View, result: Json): Promise<number> {
  const say = async (text: unknown) => printer.text(original ? text : await spoken(String(text), command));
  const refused = result.error !== undefined || result.success === false;
  // A list travels as `{ result: [...] }`, but scripts want the list itself.
  if (as === "json") printer.line(visibleJson(Array.isArray(result.result) ? result.result : result));
  // A local command's findings are shown even when they are bad.
  else if (!refused || "run" in command.does) {
    if (as === "document") printer.line(visibleJson(result, 2));
    else await command.print(result, printer);
  }
  const reason = result.error ?? "The notification could not be shown. The bus's log says why.";
  if (refused) printer.note(`agent-event-bus: ${await say(reason)}`);
  if (result.warning !== undefined) printer.note(`Warning: ${await say(result.warning)}`);
  if (!refused && result.session_deleted === true)
    printer.note(`Warning: the session ${printer.text(result.display_id)} is unregistered.`);
  if (result.hint !== undefined) printer.note(await say(result.hint));
  return refused ? REFUSED : DONE;
}

/** A sentence of the bus in the words of the shell. */
async function spoken(text: string, command: CliCommand): Promise<string> {
  const { inShellWords, speaksOfTools } = await import("./shell_words.ts");
  if (!speaksOfTools(text)) return text;
  return inShellWords(text, command, (await import("./registry.ts")).allCommands());
}

/** Shows a failure of a command, or of a line that names none. Returns the exit code. */
export async function explain(
  error: unknown,
  debug: boolean,
  json: boolean,
  printer: Printer,
  command?: CliCommand,
): Promise<number> {
  const message = isFolderGone(error) ? FOLDER_GONE : (fullDisk(error) ?? messageOf(error));
  const hint = error instanceof UsageError || error instanceof Refused ? error.hint : undefined;
  if (json) printer.line(visibleJson({ error: message, ...(hint === undefined ? {} : { hint }) }));
  const told = error instanceof Refused && command !== undefined ? await spoken(message, command) : message;
  printer.note(`agent-event-bus: ${printer.text(told)}`);
  if (hint !== undefined) printer.note(printer.text(hint));
  if (debug && error instanceof Error)
    printer.note(visible(`${error.stack ?? ""}${error.cause ? `\ncause: ${error.cause}` : ""}`));
  if (error instanceof NoSessionError) return NO_SESSION;
  if (error instanceof UsageError) return WRONG_USAGE;
  if (error instanceof ConfigError) return UNUSABLE_SETTING;
  return error instanceof Unreachable ? UNREACHABLE : REFUSED;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const FOLDER_GONE =
  "The current folder was deleted, and this command needs it. Change to another folder, then run it again.";

/** True for the error of a runtime that cannot tell the current folder. */
function isFolderGone(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return code === "ENOENT" && (syscall === "uv_cwd" || syscall === "getcwd");
}
