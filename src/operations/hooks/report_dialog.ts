import type { Call } from "../../domain/call.ts";
import { type Bus, here } from "../../domain/context.ts";
import { type Dialog, dialogWait } from "../../domain/dialogs.ts";
import { DIALOG_KINDS, MOST_TEXT, type Need, WITHDRAWN } from "../../domain/need.ts";
import { isAlive, type Session } from "../../domain/session.ts";
import { visibleLine } from "../../lib/escape.ts";
import type { Json } from "../../lib/json.ts";
import type { Args, Params } from "../../lib/param.ts";
import { operation } from "../operation.ts";
import { HOOK_SESSION, hookSession, report, UNKNOWN } from "./session.ts";

const MOST_INPUT = 256 * 1024;

const PARAMS = {
  ...HOOK_SESSION,
  kind: { type: "text", max: 16, choices: DIALOG_KINDS, about: "Kind of question to the user" },
  text: { type: "text", max: 1_024, about: "Summary in one line" },
  open_ms: { type: "integer", min: 0, max: Number.MAX_SAFE_INTEGER, about: "Age of the dialog (ms)" },
  certain: { type: "boolean", default: false, about: "The hook sees when the dialog ends" },
  unless_known: { type: "boolean", default: false, about: "Only if no dialog of the session is known" },
  wait_seconds: { type: "integer", min: 0, max: 3_600, about: "Seconds to wait" },
  key: { type: "text", optional: true, min: 1, max: 64, about: "Id of the dialog, made by its hook" },
  tool: { type: "text", optional: true, max: 1_024, about: "Tool that asks" },
  input: { type: "text", optional: true, max: MOST_INPUT, about: "Whole input of that tool, as JSON" },
  cwd: { type: "text", optional: true, max: "cwd_bytes", about: "Folder in which the tool works" },
  answerable: { type: "boolean", default: false, about: "The hook takes an answer" },
  gone: { type: "boolean", default: false, about: "The dialog is gone" },
} as const satisfies Params<string>;

type Report = Args<typeof PARAMS>;

/** The dialog counts as open while its call waits. Returns the person's answer, if one comes from elsewhere. */
export const reportDialog = operation({
  name: "report_dialog",
  about: "Report that a session waits at a dialog, for as long as this call lasts.",
  effect: "writes",
  listed: false,
  params: PARAMS,
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const { session_id } = session;
    const isKnown = args.unless_known && !args.gone && bus.dialogs.of(session_id) !== undefined;
    if (isKnown) return { session_id, known: true };
    // Its hook is about to leave too.
    if (!args.gone && !isThere(bus, session)) return { session_id, over: true };
    const need = await needOf(bus, session, args);
    if (args.gone) {
      await bus.store.needs.withdraw(need.need_id, WITHDRAWN.terminal);
      return { session_id, over: true };
    }
    // A session that stands at a dialog for long has no other sign of life.
    report(bus, session, session.state ?? "busy", { branch: args.branch });
    const held = need.state === "open" ? await hold(bus, need, { args, call }) : { over: true };
    if (call.signal.aborted) return { session_id, ...held };
    const after = await bus.store.needs.get(need.need_id);
    return { session_id, ...held, ...(after && (await taken(bus, after))) };
  },
});

/** False if the process of a session is gone. It was heard of just now, so nothing else counts. */
function isThere(bus: Bus, session: Session): boolean {
  const last_heartbeat = new Date(bus.now()).toISOString();
  return isAlive({ ...session, last_heartbeat, lease_until: null }, here(bus));
}

async function needOf(bus: Bus, session: Session, args: Report): Promise<Need> {
  const { kind, tool = null, cwd = null, open_ms } = args;
  const text = visibleLine(args.text, MOST_TEXT);
  // The hook of an earlier version makes no key, and takes no answer.
  const key = `${session.session_id} ${args.key ?? `${kind} ${text}`}`;
  const answerable = args.answerable && args.key !== undefined;
  return bus.store.needs.open({
    ...{ key, kind, text, tool, cwd, answerable },
    input: args.input !== undefined && isInput(args.input, bus.limits.json_depth) ? args.input : null,
    session_id: session.session_id,
    branch: args.branch ?? session.branch,
    since: new Date(bus.now() - open_ms).toISOString(),
  });
}

/** True for a JSON object that can be shown. */
function isInput(text: string, levels: number): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) && isShallow(value, levels);
  } catch {
    return false;
  }
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1));
}

async function hold(
  bus: Bus,
  { need_id, session_id, text, since }: Need,
  { args, call }: { args: Report; call: Call },
): Promise<Json> {
  const dialog: Dialog = { need_id, kind: args.kind, text, since: Date.parse(since), certain: args.certain };
  const seconds = Math.min(args.wait_seconds, bus.limits.wait_seconds);
  const wait = { call, seconds, sessionId: dialogWait(session_id) };
  const news = bus.subscriptions.subscribe(() => false, undefined, wait);
  bus.dialogs.open(session_id, dialog);
  let stands = false;
  try {
    // The same transaction may have opened it again and closed it.
    const now = await bus.store.needs.get(need_id);
    if (now?.state === "open") for await (const _ of news);
  } finally {
    news.close();
    stands = bus.dialogs.close(session_id, dialog);
  }
  return { over: !stands, stops: news.over };
}

/** The answer, for the hook to hand on. Nothing without one. */
async function taken(bus: Bus, { need_id, state, answer, by, via }: Need): Promise<Json> {
  if (state !== "answered") return {};
  await bus.store.needs.taken(need_id);
  return { answer, by, via };
}
