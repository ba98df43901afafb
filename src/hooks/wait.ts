import { processStart } from "../lib/process.ts";
import { Refused } from "../rpc/errors.ts";
import { write } from "../runtime/stdio.ts";
import type { HookSession } from "./session.ts";
import { handOver } from "./text.ts";
import { turnEnds } from "./turn.ts";
import type { HookCall } from "./types.ts";

const WOKEN = 2;
const SHUT = [400, 401, 403, 404];
const POLL_SECONDS = 240;
const CLIENT_CHECK_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Waits until something actionable comes for the idle session, writes it to stderr and ends with 2, which wakes the
 * session. Ends with 0 if the client is not interactive, is gone, is at work again or has a newer waiter. Ends with 0 too for
 * a Claude Code that does not name its process, because older ones wait for this hook. Run at a prompt, waits for the end of
 * that turn first. Asks a bus that is away again after 1 to 30 s.
 */
export async function wait(run: HookCall, session: HookSession, afterMs: number): Promise<void> {
  const { entrypoint, clientPid } = run.config;
  if (entrypoint !== undefined && entrypoint !== "cli") return;
  if (clientPid === undefined && run.format === "claude") return;
  const isClientThere = clientPid === undefined ? () => true : leaveWith(clientPid);
  const idleMs = run.input.hook_event_name === "UserPromptSubmit" ? await turnEnds(run) : performance.now();
  if (idleMs === null) return;
  const idleFrom = performance.now() - idleMs;
  // The Stop hook beside this one hands over what is unread already.
  await sleep(afterMs + 100);
  for (let retry = FIRST_RETRY_MS; ; ) {
    try {
      const batch = await session.waitFor(POLL_SECONDS, performance.now() - idleFrom);
      if (batch === null || batch.left) return;
      if (batch.events.length === 0) {
        if (batch.stops) throw new Error("the bus stops");
        retry = FIRST_RETRY_MS;
        continue;
      }
      // Without a reader nothing is seen.
      if (!isClientThere()) return;
      const { text, shown } = handOver(batch, Date.now());
      await write("stderr", `${text}\n`);
      await session.confirm(batch, shown.length, "wake", Buffer.byteLength(text)).catch(() => {});
      process.exit(WOKEN);
    } catch (error) {
      // Asks a busy bus again, but not one that refuses this client.
      if (error instanceof Refused && SHUT.includes(error.status)) return;
      await sleep(retry * (0.8 + 0.4 * Math.random()));
      retry = Math.min(retry * 2, LONGEST_RETRY_MS);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Ends this process soon after the client's, so that no waiter is left behind. Returns a check for the client's. */
function leaveWith(pid: number): () => boolean {
  const started = processStart(pid);
  if (started === null) process.exit(0);
  const isThere = () => {
    try {
      process.kill(pid, 0);
      return process.platform !== "linux" || processStart(pid) === started;
    } catch {
      return false;
    }
  };
  setInterval(() => {
    if (!isThere()) process.exit(0);
  }, CLIENT_CHECK_MS);
  return isThere;
}
