import { register, type Started } from "./register.ts";
import { inLine } from "./text.ts";
import type { HookCall } from "./types.ts";

const MOST_CHARACTERS = 600;

/** Registers the session, gives its shell commands its id, and returns the briefing of the agent and the user's line. */
export async function start(run: HookCall): Promise<{ text: string; line: string } | null> {
  const started = await register(run);
  if (started === null) return null;
  const { envFile } = run.config;
  if (envFile !== undefined) writeEnvironment(envFile, started.session_id);
  return { text: briefing(started), line: lineOf(started) };
}

// Appends, because other hooks write there too.
function writeEnvironment(file: string, sessionId: string): void {
  const quoted = `'${sessionId.replaceAll("'", "'\\''")}'`;
  try {
    process.getBuiltinModule("node:fs").appendFileSync(file, `export AGENT_EVENT_BUS_SESSION_ID=${quoted}\n`);
  } catch {
    // The shell commands then find the session by CLAUDE_CODE_SESSION_ID.
  }
}

function lineOf({ name, other_sessions, unread }: Started): string {
  const waiting = unread === 0 ? "" : `, ${unread} unread`;
  return `bus: you are "${inLine(name, 60)}", ${other_sessions + 1} here${waiting}`;
}

function briefing(started: Started): string {
  const { session_id, name, display_id, repo, claims, unread, direct, direct_from, other_sessions } = started;
  const also = claims.length === 0 ? "" : `, also @${claims.join(", @")}`;
  const lines = [
    `agent-event-bus connects this session with your user's other agent sessions. You are registered as "${inLine(name, 60)}" (${display_id}${inLine(also, 80)}) in ${inLine(repo, 60)}, session_id ${inLine(session_id, 40)}.`,
  ];
  if (started.warning !== undefined) lines.push(inLine(started.warning, 120));
  if (unread > 0) {
    const from =
      direct === 0 ? "" : `, including ${direct} direct from ${inLine(direct_from.join(", "), 80)}`;
    lines.push(`Unread: ${unread}${from}. They come with your next prompt.`);
  }
  const others = othersOf(started, MOST_CHARACTERS - lines.join("\n").length - 20);
  lines.push(other_sessions === 0 ? "There are no other sessions." : others);
  return lines.join("\n").slice(0, MOST_CHARACTERS);
}

function othersOf({ others, other_sessions, repo }: Started, room: number): string {
  let text = `Other sessions (${other_sessions}):`;
  for (const [i, other] of others.entries()) {
    const where = other.repo === repo ? "" : ` in ${inLine(other.repo, 30)}`;
    const entry = `${i === 0 ? "" : ","} ${inLine(other.name, 40)} (${other.display_id}${where})`;
    if (text.length + entry.length > room) return `${text} …`;
    text += entry;
  }
  return `${text}.`;
}
