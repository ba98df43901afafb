import type { Dialog } from "../domain/dialogs.ts";
import type { Json } from "../lib/json.ts";
import { Refused } from "../rpc/errors.ts";
import { type ClientState, clientState, stateFile } from "./client_state.ts";
import type { HookInput } from "./input.ts";
import { isShut, leaveWith, mayStay } from "./leave.ts";
import { identityOf } from "./session.ts";
import { inLine } from "./text.ts";
import type { HookCall } from "./types.ts";

const HOLD_SECONDS = 240;
const MARGIN_SECONDS = 15;
const CHECK_MS = 250;
/** The client shows its dialog, and says so, about when it runs the hook. */
const SHOWN_MS = 5_000;
/** The client may run the hook of a tool that ended a moment before it says that the dialog is gone. */
const SETTLE_MS = 500;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const MOST_CHARACTERS = 100;

type Asked = Pick<Dialog, "kind" | "text">;

/** The answer of `report_dialog`. */
interface Told {
  /** The bus does not know the session. */
  unknown?: true;
  /** The session was heard of. Absent if another hook stands by, or the session cannot be registered. */
  over?: boolean;
  /** The bus stops. */
  stops?: boolean;
}

/**
 * Stays beside a dialog of the client, and tells the bus of it as long as it stands. Decides nothing and prints nothing. Ends
 * when the dialog or the client is gone. With an older client, which does not tell, ends at the session's next hook.
 */
export async function standAtDialog(name: string, run: HookCall): Promise<void> {
  const { clientPid } = run.config;
  const asked = name === "permission" ? permissionIn(run.input) : notificationIn(run.input);
  if (asked === null || !mayStay(run) || clientPid === undefined || run.clientId === undefined) return;
  leaveWith(clientPid);
  const file = stateFile(run);
  const shown = file === undefined ? null : await whenShown(file, run.input);
  if (shown === undefined) return;
  const certain = file !== undefined && shown !== null;
  const stands = () => {
    const state = certain ? clientState(file) : null;
    return state === undefined || (state !== null && isDialogOf(run.input, state));
  };
  if (certain)
    setInterval(() => {
      if (!stands()) process.exit(0);
    }, CHECK_MS);
  const report = { ...asked, certain, unless_known: name === "notification" };
  // A notification comes seconds after its dialog.
  const since = name === "permission" ? performance.timeOrigin : (shown ?? performance.timeOrigin);
  await hold(run, report, since, stands);
}

async function hold(run: HookCall, report: Json, since: number, stands: () => boolean): Promise<void> {
  for (let retry = FIRST_RETRY_MS; ; ) {
    try {
      const open_ms = Math.max(0, Math.round(Date.now() - since));
      const told = await tell(run, { ...report, open_ms });
      if (told.over === undefined) return;
      if (told.stops) throw new Error("the bus stops");
      retry = FIRST_RETRY_MS;
      if (!told.over) continue;
      await sleep(SETTLE_MS);
      if (!stands()) return;
    } catch (error) {
      if (isShut(error) || isOlder(error)) return;
      await sleep(retry);
      retry = Math.min(retry * 2, LONGEST_RETRY_MS);
    }
  }
}

/** True if the bus does not know the call. */
function isOlder(error: unknown): boolean {
  return error instanceof Refused && error.message.startsWith("Unknown tool");
}

/** Resolves when the dialog is over for the bus, or the time is up. Registers the session if the bus does not know it. */
async function tell(run: HookCall, report: Json): Promise<Told> {
  const args = { ...identityOf(run), ...report, wait_seconds: HOLD_SECONDS };
  const call = async () =>
    (await run.call("report_dialog", args, (HOLD_SECONDS + MARGIN_SECONDS) * 1000)) as Told;
  const told = await call();
  if (told.unknown !== true) return told;
  await (await import("./register.ts")).register(run);
  return call();
}

/** Start of the dialog (ms since 1970). Undefined if none comes, null if the client does not tell. */
async function whenShown(file: string, input: HookInput): Promise<number | undefined | null> {
  const late = performance.now() + SHOWN_MS;
  for (;;) {
    const state = clientState(file);
    if (state === null) return null;
    if (state !== undefined && isDialogOf(input, state)) return state.since;
    if (performance.now() > late) return undefined;
    await sleep(CHECK_MS / 2);
  }
}

function isDialogOf({ session_id }: HookInput, { status, sessionId }: ClientState): boolean {
  return status === "waiting" && (sessionId === undefined || sessionId === session_id);
}

function permissionIn({ tool_name = "", tool_input = {} }: HookInput): Asked {
  if (tool_name === "AskUserQuestion") {
    const [first] = Array.isArray(tool_input.questions) ? tool_input.questions : [];
    return { kind: "question", text: inLine(String(first?.question ?? ""), MOST_CHARACTERS) };
  }
  const key = SUBJECTS.find((name) => typeof tool_input[name] === "string");
  const subject = key === undefined ? "" : String(tool_input[key]);
  // The query of an address may hold a secret.
  const shown = key === "url" ? subject.replace(/[?#].*/s, "") : subject;
  return {
    kind: "permission",
    text: inLine(shown === "" ? tool_name : `${tool_name}: ${shown}`, MOST_CHARACTERS),
  };
}

/** Parts of a tool's input that say what it is about. Not a command, which may hold a secret. */
const SUBJECTS = ["description", "file_path", "notebook_path", "url", "pattern", "query"];

const KINDS: Readonly<Record<string, Asked["kind"]>> = {
  permission_prompt: "permission",
  elicitation_dialog: "elicitation",
  agent_needs_input: "question",
};

function notificationIn({ notification_type = "", message = "" }: HookInput): Asked | null {
  const kind = KINDS[notification_type];
  return kind === undefined ? null : { kind, text: inLine(message, MOST_CHARACTERS) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
