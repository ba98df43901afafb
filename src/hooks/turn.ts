import type { HookCall } from "./types.ts";

const CHECK_MS = 500;

/**
 * Resolves when the client's turn is over, also when the user interrupted it, which runs no hook. Claude Code keeps its
 * state in `sessions/PID.json` beside its transcripts. Returns for how long the client has been idle (ms), or null if there
 * is no such file: older clients keep none.
 */
export async function turnEnds({ input, config }: HookCall): Promise<number | null> {
  const [, folder] = /^(.+)[/\\]projects[/\\][^/\\]+[/\\][^/\\]+$/.exec(input.transcript_path ?? "") ?? [];
  if (folder === undefined || config.clientPid === undefined) return null;
  const file = `${folder}/sessions/${config.clientPid}.json`;
  for (;;) {
    const idleSince = stateIn(file);
    if (idleSince === null) return null;
    // An older stamp comes from before this turn.
    if (idleSince !== undefined && idleSince >= performance.timeOrigin) return Date.now() - idleSince;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}

/** Start of the client's idle time (ms since 1970). Undefined if it is at work, null if the file does not say. */
function stateIn(file: string): number | undefined | null {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  try {
    const { status, statusUpdatedAt } = JSON.parse(text);
    if (typeof status !== "string" || typeof statusUpdatedAt !== "number") return null;
    return status === "idle" ? statusUpdatedAt : undefined;
  } catch {
    // Half of the file is written.
    return undefined;
  }
}
