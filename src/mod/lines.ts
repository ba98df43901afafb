import type { Engine } from "./engine.ts";

/** By then Claude Code has appended the result of a tool. */
const APPENDED_MS = 200;

const lines = {
  /** Shown as soon as no tool runs. */
  waiting: [] as string[],
  /** Tools of the session that run now. */
  running: 0,
};

/** Runs a tool. No line is shown until the last one has ended. */
export async function withoutLines<Result>(
  $: Engine,
  run: () => Promise<Result> | Result,
  isInteractive: boolean,
): Promise<Result> {
  lines.running++;
  try {
    return await run();
  } finally {
    lines.running--;
    if (isInteractive && lines.waiting.length > 0) showLater($).catch(() => {});
  }
}

/**
 * Shows the user the lines of a hand-over, which Claude Code appends to the conversation. Between a tool and its result a line
 * would be a dead end. Resumed after a kill, the conversation would go on from there, without all that came later. A client
 * that is not interactive takes no prompt while a call of the mod is open. Its lines wait for the next prompt or stop.
 */
export function showLines($: Engine, text: string, isAtTool: boolean, isInteractive: boolean): void {
  lines.waiting.push(...text.split("\n").filter(Boolean));
  if (!isAtTool) showAll($);
  else if (isInteractive) showLater($).catch(() => {});
}

/** The end of a tool that still runs tries again. */
async function showLater($: Engine): Promise<void> {
  await $.clock.sleep(APPENDED_MS);
  if (lines.running === 0) showAll($);
}

function showAll($: Engine): void {
  for (const line of lines.waiting.splice(0)) $.ui.log(line.replace(/^bus: /, ""));
}
