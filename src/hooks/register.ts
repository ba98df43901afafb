import { branchOf, repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { pidNamespace, processStart } from "../lib/process.ts";
import { bounded, titleOf } from "./input.ts";
import { identityOf, machineIn } from "./session.ts";
import type { HookCall } from "./types.ts";

/** The answer of `start_session`. */
export interface Started {
  session_id: string;
  display_id: string;
  name: string;
  repo: string;
  claims: string[];
  warning?: string;
  others: { name: string; display_id: string; repo: string; machine: string; reach: string }[];
  other_sessions: number;
  unread: number;
  direct: number;
  direct_from: string[];
  /** Unread direct messages that an earlier client may have read. */
  repeats?: number[];
  /** Direct messages that an earlier client was shown last, and may not have written. */
  doubtful?: number[];
}

/** Registers the session, and looks into the conversation that it goes on with. Null if the client names no session. */
export async function register(run: HookCall): Promise<Started | null> {
  const { input, config, clientId, call } = run;
  if (clientId === undefined) return null;
  const cwd = input.cwd ?? process.cwd();
  const folder = cwd.split(/[\\/]/).filter(Boolean).at(-1) || "session";
  const branch = await branchOf(cwd);
  const ownBranch = branch === null || /^(main|master)$/.test(branch) ? null : branch;
  const pid = config.clientPid;
  const pid_started = pid === undefined ? null : processStart(pid);
  const namespace = pidNamespace();
  const title = titleOf(input);
  const args: Json = {
    client_id: clientId,
    ...machineIn(run),
    name: bounded(ownBranch ?? folder),
    cwd,
    repo: await repoOf(cwd, true),
    ...(branch !== null && { branch: bounded(branch) }),
    ...(title !== undefined && { title }),
    ...(pid_started !== null && { pid, pid_started }),
    ...(namespace !== undefined && { pid_namespace: namespace }),
  };
  const started = (await call("start_session", args)) as unknown as Started;
  // A message that cannot be confirmed comes again.
  await lookInConversation(run, started).catch(() => {});
  return started;
}

/**
 * Looks for what an earlier client was shown in the file of the conversation. What is unread and stands there is confirmed.
 * What does not stand there is unread again: a client that is killed takes along what it has not written.
 */
async function lookInConversation(run: HookCall, started: Started): Promise<void> {
  const { repeats = [], doubtful = [] } = started;
  if (repeats.length + doubtful.length === 0) return;
  const found = await foundIn(run, [...repeats, ...doubtful]);
  const read = repeats.filter((id) => found?.has(id));
  const lost = found === null ? [] : doubtful.filter((id) => !found.has(id));
  if (repeats.length + lost.length === 0) return;
  // Ends the turn of this registration, even without an event.
  const ids = { event_ids: read.map(String), lost: lost.map(String) };
  await run.call("confirm_events", { ...identityOf(run), ...ids });
  started.unread += lost.length - read.length;
  started.direct += lost.length - read.length;
}

async function foundIn({ input, format }: HookCall, ids: readonly number[]) {
  const { transcript_path } = input;
  if (transcript_path === undefined || format !== "claude") return null;
  return (await import("./conversation.ts")).readIn(transcript_path, ids);
}
