import { dataDirectory } from "../config/client.ts";
import { write } from "../runtime/stdio.ts";
import { interruptedFile } from "./interrupted.ts";
import { isShut, leaveWith, mayStay } from "./leave.ts";
import type { HookSession } from "./session.ts";
import { handOver } from "./text.ts";
import { turnEnds } from "./turn.ts";
import type { HookCall } from "./types.ts";

const WOKEN = 2;
const POLL_SECONDS = 240;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** How often, and for how long, a bus that is away is told again. The session is woken after that. */
const TELL_MS = 200;
const LONGEST_TELL_MS = 2_000;
/** A mod that is there waits for its session long before that. */
const MOD_MS = 3_000;

/**
 * Waits until something actionable comes for the idle session, writes it to stderr and ends with 2, which wakes the
 * session. Ends with 0 if the client is not interactive, is gone, is at work again or has a newer waiter. Ends with 0 too for
 * a Claude Code that does not name its process, because older ones wait for this hook. Run at a prompt, waits for the end of
 * that turn first. Asks a bus that is away again after 1 to 30 s.
 */
export async function wait(run: HookCall, session: HookSession, afterMs: number): Promise<void> {
  if (!mayStay(run) || isOther(run)) return;
  const { clientPid } = run.config;
  const isClientThere = clientPid === undefined ? () => true : leaveWith(clientPid);
  const idleMs = run.input.hook_event_name === "UserPromptSubmit" ? await turnEnds(run) : performance.now();
  if (idleMs === null) return;
  const idleFrom = performance.now() - idleMs;
  // The Stop hook beside this one hands over what is unread already.
  await sleep(afterMs + 100);
  for (let [retry, stays] = [FIRST_RETRY_MS, false]; ; ) {
    try {
      const batch = await session.waitFor(POLL_SECONDS, performance.now() - idleFrom, stays);
      if (batch?.unheld) {
        stays = true;
        await sleep(MOD_MS);
        continue;
      }
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
      await toldAtLast(() => session.confirm(batch, shown.length, "wake", Buffer.byteLength(text)));
      process.exit(WOKEN);
    } catch (error) {
      if (isShut(error)) return;
      await sleep(retry * (0.8 + 0.4 * Math.random()));
      retry = Math.min(retry * 2, LONGEST_RETRY_MS);
    }
  }
}

/** Tells a bus that was just killed once it is back, so that it does not give the same events again. */
async function toldAtLast(tell: () => Promise<unknown>): Promise<void> {
  const isTold = () =>
    tell().then(
      () => true,
      () => false,
    );
  const until = performance.now() + LONGEST_TELL_MS;
  while (!(await isTold()) && performance.now() < until) await sleep(TELL_MS);
}

/** True if a file changed that does not tell of an interrupted turn: the user's own hooks may watch files too. */
function isOther({ input, clientId = "" }: HookCall): boolean {
  const { hook_event_name, file_path, event } = input;
  if (hook_event_name !== "FileChanged") return false;
  return file_path !== interruptedFile(dataDirectory(), clientId) || event === "unlink";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
