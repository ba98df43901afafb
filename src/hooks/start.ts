import { branchOf, repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { processStart } from "../lib/process.ts";
import type { HookCall } from "./hook.ts";
import { inLine } from "./text.ts";

interface Started {
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
}

const MOST_CHARACTERS = 600;
/** Of a name: the bus takes it however many bytes its characters have. */
const MOST_NAME = 60;

/** Registers the session, tells its shell commands who they are, and returns what the agent is told. */
export async function start(run: HookCall): Promise<string | null> {
  const started = await register(run);
  if (started === null) return null;
  const { envFile } = run.config;
  if (envFile !== undefined) writeEnvironment(envFile, started.session_id);
  return briefing(started);
}

/** Null when the bus cannot be asked, or there is no session to register. */
export async function register({
  input,
  config,
  machine,
  call,
}: Pick<HookCall, "input" | "config" | "machine" | "call">): Promise<Started | null> {
  const client_id = input.session_id ?? config.sessionId;
  if (client_id === undefined) return null;
  const cwd = input.cwd ?? process.cwd();
  const folder = cwd.split(/[\\/]/).filter(Boolean).at(-1) || "session";
  const branch = await branchOf(cwd);
  const ownBranch = branch === null || /^(main|master)$/.test(branch) ? null : branch;
  const pid = config.clientPid;
  const pid_started = pid === undefined ? null : processStart(pid);
  const title = input.session_title?.trim();
  const args: Json = {
    client_id,
    machine,
    name: bounded(ownBranch ?? folder),
    cwd,
    repo: await repoOf(cwd, true),
    ...(title && { title: bounded(title) }),
    ...(pid_started !== null && { pid, pid_started }),
  };
  return (await call("start_session", args)) as unknown as Started;
}

function bounded(name: string): string {
  return Array.from(name).slice(0, MOST_NAME).join("");
}

// Appended: other hooks write there too.
function writeEnvironment(file: string, sessionId: string): void {
  const quoted = `'${sessionId.replaceAll("'", "'\\''")}'`;
  try {
    process.getBuiltinModule("node:fs").appendFileSync(file, `export AGENT_EVENT_BUS_SESSION_ID=${quoted}\n`);
  } catch {
    // The shell commands then find the session by CLAUDE_CODE_SESSION_ID.
  }
}

function briefing(started: Started): string {
  const { session_id, name, display_id, repo, claims, unread, direct, direct_from, other_sessions } = started;
  const also = claims.length === 0 ? "" : `, also @${claims.join(", @")}`;
  const lines = [
    `agent-event-bus connects this session with the person's other agent sessions. You are registered as "${inLine(name, 60)}" (${display_id}${inLine(also, 80)}) in ${inLine(repo, 60)}, session_id ${inLine(session_id, 40)}.`,
  ];
  if (started.warning !== undefined) lines.push(inLine(started.warning, 120));
  if (unread > 0) {
    const from =
      direct === 0 ? "" : `, ${direct} of it direct messages from ${inLine(direct_from.join(", "), 80)}`;
    lines.push(`Unread: ${unread}${unread === 200 ? " or more" : ""}${from}; it comes with the next prompt.`);
  }
  const others = othersOf(started, MOST_CHARACTERS - lines.join("\n").length - 20);
  lines.push(other_sessions === 0 ? "Nobody else is here." : others);
  return lines.join("\n").slice(0, MOST_CHARACTERS);
}

function othersOf({ others, other_sessions, repo }: Started, room: number): string {
  let text = `Here too (${other_sessions}):`;
  for (const [i, other] of others.entries()) {
    const where = other.repo === repo ? "" : ` in ${inLine(other.repo, 30)}`;
    const entry = `${i === 0 ? "" : ","} ${inLine(other.name, 40)} (${other.display_id}${where})`;
    if (text.length + entry.length > room) return `${text} …`;
    text += entry;
  }
  return `${text}.`;
}
