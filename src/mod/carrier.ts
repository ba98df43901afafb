import { isAutomatic, knownFields, titleOf } from "../hooks/input.ts";
import { goesOn, type HookSession, isOfBus } from "../hooks/session.ts";
import { type Batch, handOver } from "../hooks/text.ts";
import { byteLength } from "../lib/utf8.ts";
import { Refused } from "../rpc/errors.ts";
import { type Bus, busOf, place } from "./bus.ts";
import type { ClassicInput, Engine } from "./engine.ts";
import { isEmpty, noteRead, noteUnread, watch } from "./inbox.ts";
import { hookSession, lease, sessionCall } from "./session.ts";
import { confirmShown, withoutShown } from "./shown.ts";
import { showStatus } from "./status.ts";

/** Claude Code ends a request after 30 s. */
const HOLD_SECONDS = 20;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;
/** Refused for good: no token, or one that may not. A busy bus refuses too. */
const REFUSED: readonly number[] = [401, 403];

/** Events that the bus has for the session, until they are taken or left. */
interface Offer {
  session: HookSession;
  batch: Batch;
  path: Path | "wake";
}

/** The state of the one session that a client has. */
interface Carrier {
  /** A person sits at it. Another client ends with its turn. */
  isInteractive: boolean;
  /** Since when the session is idle (ms since 1970). Undefined while a turn runs. */
  idleSince: number | undefined;
  /** A call is held, or is about to be. */
  holds: boolean;
  /** The prompt that the mod submits, until what it says is confirmed. */
  own: { text: string; ids: readonly number[]; confirm(): Promise<unknown> } | undefined;
  /** The session's title, as the bus knows it. */
  title: string | undefined;
  /** Settles when the bus was told of all that nothing waited for. Later calls must not overtake it. */
  told: Promise<void>;
}

export const carrier: Carrier = {
  ...{
    isInteractive: false,
    idleSince: undefined,
    holds: false,
    own: undefined,
    title: undefined,
  },
  told: Promise.resolve(),
};

/** Waits for what wakes the session, as long as it is idle, and starts a turn with it. A bus that is away is asked again. */
export async function hold($: Engine): Promise<void> {
  if (carrier.holds || lease.isGivenUp) return;
  carrier.holds = true;
  let retry = FIRST_RETRY_MS;
  try {
    while (carrier.idleSince !== undefined) {
      try {
        const bus = await busOf($);
        await showStatus($, bus);
        void watch($);
        const since = carrier.idleSince;
        // A turn began meanwhile.
        if (since === undefined) return;
        if (!(await holdOnce($, bus, Date.now() - since))) {
          await $.clock.sleep(FIRST_RETRY_MS);
          // The bus sends away who was idle before its session's last prompt, even if no turn came of it.
          if (carrier.idleSince === since) carrier.idleSince = Date.now();
        }
        retry = FIRST_RETRY_MS;
      } catch (error) {
        place.bus = undefined;
        $.ui.status(undefined);
        // A bus that refuses this client is asked again after the next turn.
        if (error instanceof Refused && REFUSED.includes(error.status)) return;
        await $.clock.sleep(retry);
        retry = Math.min(retry * 2, LONGEST_RETRY_MS);
      }
    }
  } finally {
    carrier.holds = false;
  }
}

/** Holds one call. False if it is pointless to ask again at once. */
async function holdOnce($: Engine, bus: Bus, idleMs: number): Promise<boolean> {
  const session = await hookSession($, bus);
  await carrier.told;
  // The clock may have gone back.
  const given = await session.waitFor(HOLD_SECONDS, Math.max(0, idleMs));
  if (carrier.idleSince === undefined) {
    // The turn's first tool use takes them, instead of a prompt behind the turn.
    if (given !== null && given.events.length > 0) await leave({ session, batch: given, path: "wake" });
    return true;
  }
  if (given === null) {
    await (await sessionCall($, bus, {})).register();
    return true;
  }
  if (given.events.length === 0) return given.left !== true && given.stops !== true;
  const batch = await withoutShown(session, given, "wake");
  return batch.events.length === 0 || submit($, session, batch);
}

/** Starts a turn with these events. False if the client dropped them. */
async function submit($: Engine, session: HookSession, batch: Batch): Promise<boolean> {
  const { text, shown } = handOver(batch, Date.now());
  const confirm = () => confirmShown(session, batch, shown.length, "wake", byteLength(text));
  carrier.own = { text, ids: shown.map(({ id }) => id), confirm };
  const { drop } = (await $.prompt.submit({ text })) ?? {};
  // Unconfirmed events come again.
  if (drop === undefined) await confirmOwn();
  else noteUnread();
  carrier.own = undefined;
  return drop === undefined;
}

/**
 * Leaves the session to the waiter until the user's next prompt. Once the user interrupted a turn, Claude Code drops what a
 * mod submits.
 */
export async function giveUp($: Engine): Promise<void> {
  lease.isGivenUp = true;
  carrier.idleSince = undefined;
  await carrier.told;
  try {
    await (await hookSession($, await busOf($))).id();
  } catch {
    place.bus = undefined;
  }
}

/** Confirms what the mod's own prompt says, once. */
async function confirmOwn(): Promise<void> {
  const { own } = carrier;
  carrier.own = undefined;
  await own?.confirm();
}

/** When a session takes what it has to read. */
export type Path = "prompt" | "tool" | "stop";

/** True if the session has nothing to read, and the bus need only be told of the prompt or the tool use. */
export function isIdle(path: Path, input: ClassicInput): boolean {
  if (path === "stop" || lease.isGivenUp || carrier.own !== undefined || !isEmpty(path, input.session_id))
    return false;
  const known = knownFields(input);
  // A tool of the bus may claim a name for which messages wait.
  if (path === "tool") return !isOfBus(known);
  return !isAutomatic(known) && [undefined, carrier.title].includes(titleOf(known));
}

/** Tells the bus of a prompt or a tool use, beside the client's work. A message that comes just then is left for the next time. */
export function tell($: Engine, path: Path, input: ClassicInput): void {
  carrier.told = carrier.told
    .then(() => askNow($, path, input))
    .then((offer) => (offer === undefined ? undefined : leave(offer)));
}

/** Asks what the session has to read now. Undefined if the bus does not answer. */
export async function ask($: Engine, path: Path, input: ClassicInput): Promise<Offer | undefined> {
  await carrier.told;
  return askNow($, path, input);
}

async function askNow($: Engine, path: Path, input: ClassicInput): Promise<Offer | undefined> {
  try {
    const bus = await busOf($);
    const isOwn = path === "prompt" && input.prompt === carrier.own?.text;
    if (path === "prompt" && !isOwn && !isAutomatic(knownFields(input))) lease.isGivenUp = false;
    // Else it would be taken once more.
    if (isOwn) await confirmOwn().catch(() => {});
    const session = await hookSession($, bus, isOwn ? { ...input, source: "system" } : input);
    noteRead(path);
    const batch = await session.collect(path);
    if (batch === null) return undefined;
    if (path === "prompt") carrier.title = titleOf(knownFields(input)) ?? carrier.title;
    if (batch.more > 0) noteUnread();
    // The prompt says it all.
    if (isOwn) delete batch.woken_by;
    return { session, batch, path };
  } catch {
    noteUnread();
    place.bus = undefined;
    return undefined;
  }
}

/** A batch without what stands in a prompt of the mod that waits for the end of a turn. */
function withoutOwn(batch: Batch): Batch {
  const ids = carrier.own?.ids ?? [];
  return { ...batch, events: batch.events.filter(({ id }) => !ids.includes(id)) };
}

/** Takes what was offered, and confirms it. Returns what the model reads, if anything. */
export async function take($: Engine, { session, batch: offered, path }: Offer): Promise<string | undefined> {
  try {
    const batch = await withoutShown(session, withoutOwn(offered), path);
    const { text, line, shown } = handOver(batch, Date.now());
    if (shown.length < batch.events.length) noteUnread();
    for (const one of line.split("\n")) if (one !== "") $.ui.log(one.replace(/^bus: /, ""));
    // Without an answer they may be confirmed, and would never be shown.
    if (batch.events.length > 0 || batch.digest !== undefined)
      await confirmShown(session, batch, shown.length, path, byteLength(text)).catch(() => {});
    return text === "" ? undefined : text;
  } catch {
    noteUnread();
    place.bus = undefined;
    return undefined;
  }
}

/** Leaves what was offered for the next time. */
export async function leave({ session, batch, path }: Offer): Promise<void> {
  if (batch.events.length === 0 && batch.digest === undefined) return;
  noteUnread();
  await session.leave(batch, path).catch(() => {});
}

/** Unregisters the session of a client that ends. After /clear the client goes on, as idle as before. */
export async function end($: Engine, input: ClassicInput): Promise<void> {
  if (goesOn(knownFields(input))) return;
  carrier.idleSince = undefined;
  await carrier.told;
  try {
    await (await hookSession($, await busOf($), input)).end();
  } catch {
    // The bus notices that the client is gone.
  }
}
