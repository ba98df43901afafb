import type { Dialog } from "../domain/dialogs.ts";
import type { Answer } from "../domain/need.ts";
import type { Json } from "../lib/json.ts";
import { Refused } from "../rpc/errors.ts";
import { write } from "../runtime/stdio.ts";
import { type ClientState, clientState, stateFile } from "./client_state.ts";
import type { HookInput } from "./input.ts";
import { isShut, leaveWith, mayStay } from "./leave.ts";
import { HOOKS } from "./names.ts";
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
const LONGEST_RETRY_MS = 5_000;
const MOST_CHARACTERS = 100;
const MOST_INPUT_BYTES = 256 * 1024;
/** How long the bus may take to hear that a dialog is gone. */
const FAREWELL_MS = 1_000;

type Asked = Pick<Dialog, "kind" | "text"> & { tool?: string; input?: string };

/** The answer of `report_dialog`. */
interface Told {
  /** The bus does not know the session. */
  unknown?: true;
  /** The session was heard of. Absent if another hook stands by, or the session cannot be registered. */
  over?: boolean;
  /** The bus stops. */
  stops?: boolean;
  /** The person's answer from elsewhere. */
  answer?: Answer;
}

/** The parts of a dialog that stay the same while its hook stands by. */
interface Beside {
  run: HookCall;
  report: Json;
  /** Start of the dialog (ms since 1970). */
  since: number;
  /** False once the client shows that the dialog is gone. */
  stands(): boolean;
  /** Looks for the end of the dialog, if the client tells. */
  looking?: ReturnType<typeof setInterval>;
}

/**
 * Stays beside a dialog of the client, and tells the bus of it as long as it stands. Prints the person's answer from elsewhere,
 * if one comes, and decides nothing by itself. Ends when the dialog or the client is gone. With an older client, which does
 * not tell, ends at the session's next hook.
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
  const isPermission = name === "permission";
  const report = {
    ...asked,
    ...{ key: crypto.randomUUID(), certain, unless_known: !isPermission, cwd: run.input.cwd },
    answerable: isPermission && run.format === "claude",
  };
  // A notification comes seconds after its dialog.
  const since = isPermission ? performance.timeOrigin : (shown ?? performance.timeOrigin);
  const beside: Beside = { run, report, since, stands };
  if (certain) beside.looking = leaveWhenGone(beside);
  await hold(beside);
}

/** Ends this process when the dialog is gone, and tells the bus. */
function leaveWhenGone(beside: Beside): ReturnType<typeof setInterval> {
  const timer = setInterval(async () => {
    if (beside.stands()) return;
    clearInterval(timer);
    setTimeout(() => process.exit(0), FAREWELL_MS);
    await tell(beside, { gone: true }).catch(() => {});
    process.exit(0);
  }, CHECK_MS);
  return timer;
}

async function hold(beside: Beside): Promise<void> {
  const { stands } = beside;
  for (let retry = FIRST_RETRY_MS; ; ) {
    try {
      const told = await tell(beside);
      if (told.answer !== undefined) return await hand(beside, told.answer).catch(() => {});
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

/** Writes the person's answer whole for the client, which takes it if its dialog still stands. */
async function hand({ run, looking, stands }: Beside, answer: Answer): Promise<void> {
  if (looking !== undefined && !stands()) return;
  clearInterval(looking);
  const { input } = run;
  const decision =
    "answers" in answer
      ? { behavior: "allow", updatedInput: { ...input.tool_input, answers: answer.answers } }
      : answer;
  const hookSpecificOutput = { hookEventName: HOOKS.permission.events[0], decision };
  await write("stdout", `${JSON.stringify({ hookSpecificOutput })}\n`);
}

/** Resolves when the dialog is over for the bus, or the time is up. Registers the session if the bus does not know it. */
async function tell({ run, report, since }: Beside, more: Json = {}): Promise<Told> {
  const open_ms = Math.max(0, Math.round(Date.now() - since));
  const args = { ...identityOf(run), ...report, open_ms, wait_seconds: HOLD_SECONDS, ...more };
  const call = async () =>
    (await run.call("report_dialog", args, (HOLD_SECONDS + MARGIN_SECONDS) * 1000)) as Told;
  const told = await call();
  if (told.unknown !== true) return told;
  await run.register();
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
  const input = JSON.stringify(tool_input);
  // Too large to be shown, so that it cannot be allowed from elsewhere.
  const whole = { tool: tool_name, ...(Buffer.byteLength(input) <= MOST_INPUT_BYTES && { input }) };
  if (tool_name === "AskUserQuestion") {
    const [first] = Array.isArray(tool_input.questions) ? tool_input.questions : [];
    return { kind: "question", text: inLine(questionIn(first), MOST_CHARACTERS), ...whole };
  }
  const key = SUBJECTS.find((name) => typeof tool_input[name] === "string");
  const subject = key === undefined ? "" : String(tool_input[key]);
  // The query of an address may hold a secret.
  const shown = key === "url" ? subject.replace(/[?#].*/s, "") : subject;
  return {
    kind: "permission",
    text: inLine(shown === "" ? tool_name : `${tool_name}: ${shown}`, MOST_CHARACTERS),
    ...whole,
  };
}

function questionIn(first: Json | null | undefined): string {
  return typeof first?.question === "string" ? first.question : "";
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
