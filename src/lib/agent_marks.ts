import { ancestry, type Process } from "./ancestry.ts";

/** Variables that agents' clients give to what they start. */
const VARIABLES = new Set([
  "CLAUDECODE",
  "CLAUDE_CODE_SESSION_ID",
  "CLAUDE_PID",
  "CODEX_SANDBOX",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "CURSOR_AGENT",
  "OPENCODE",
  "AI_AGENT",
  "AGENT_EVENT_BUS_SESSION_ID",
]);

/** Names under which agents' clients run. */
const PROGRAMS = new Set(["claude", "claude.exe", "codex", "opencode"]);

/** The first sign in a line of processes that an agent's client started one of them. Undefined without one. */
export function markIn(line: readonly Process[]): string | undefined {
  for (const { name, variables = [] } of line) {
    const mark = variables.find((variable) => VARIABLES.has(variable));
    if (mark !== undefined) return mark;
    if (PROGRAMS.has(name)) return name;
  }
  return undefined;
}

/** The same for this process, whose environment is given. Without Linux, only the environment is looked at. */
export function agentMarkAbove(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = { pid: process.pid, name: "", variables: Object.keys(environment) };
  return markIn([own, ...ancestry(process.pid)]);
}
