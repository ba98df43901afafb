import type { HookCall } from "./types.ts";

/** The client's own report. */
export interface ClientState {
  /** `idle`, `busy`, or `waiting` at a dialog. */
  status: string;
  /** Start of that status (ms since 1970). */
  since: number;
  /** The client's id of its session. */
  sessionId: unknown;
}

/**
 * The file in which Claude Code keeps its state, beside its transcripts. Undefined if the client does not say where its
 * transcript is, or names no process.
 */
export function stateFile({ input, config }: HookCall): string | undefined {
  const [, folder] = /^(.+)[/\\]projects[/\\][^/\\]+[/\\][^/\\]+$/.exec(input.transcript_path ?? "") ?? [];
  if (folder === undefined || config.clientPid === undefined) return undefined;
  return `${folder}/sessions/${config.clientPid}.json`;
}

/** Null if there is no such file, or it does not say: older clients keep none. Undefined if half of it is written. */
export function clientState(file: string): ClientState | undefined | null {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return null;
  }
  try {
    const { status, statusUpdatedAt, sessionId } = JSON.parse(text);
    if (typeof status !== "string" || typeof statusUpdatedAt !== "number") return null;
    return { status, since: statusUpdatedAt, sessionId };
  } catch {
    return undefined;
  }
}
