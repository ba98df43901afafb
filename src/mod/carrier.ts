import { isAutomatic, knownFields } from "../hooks/input.ts";
import { interruptedFile } from "../hooks/interrupted.ts";
import { missingIn, toolIn } from "../hooks/own_tools.ts";
import { goesOn, type HookSession, machineIn } from "../hooks/session.ts";
import { type Batch, handOver, inLine } from "../hooks/text.ts";
import { byteLength } from "../lib/utf8.ts";
import { Refused } from "../rpc/errors.ts";
import { type Bus, callBus, dataDirectory, findBus } from "./bus.ts";
import type { ClassicInput, Engine, ToolInput } from "./engine.ts";
import { showLines } from "./lines.ts";
import { hookSession, lease, sessionCall } from "./session.ts";
import { confirmShown, withoutShown } from "./shown.ts";
import { allTold, HOLD_SECONDS, hasNothing, type Path, tellLater, watchOn } from "./watch.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;
const NAME_LIMIT_MS = 1_000;
/** Refused for good: no token, or one that may not. A busy bus refuses too. */
const REFUSED: readonly number[] = [401, 403];

/** The state of the one session that a client has. */
interface Carrier {
  bus: Bus | undefined;
  /** The bus's URL that the user gave the plugin. */
  url: string | undefined;
  /** A person sits at it. Another client ends with its turn. */
  isInteractive: boolean;
  /** Since when the session is idle (ms since 1970). Undefined while a turn runs. */
  idleSince: number | undefined;
  /** A call is held, or is about to be. */
  holds: boolean;
  /** The prompt that the mod submits, until what it says is confirmed. */
  own: { text: string; ids: readonly number[]; confirm(): Promise<unknown> } | undefined;
  /** The file that tells of an interrupted turn, once it is there. */
  interrupted: string | undefined;
}

export const carrier: Carrier = {
  ...{
    bus: undefined,
    url: undefined,
    isInteractive: false,
    idleSince: undefined,
    holds: false,
    own: undefined,
    interrupted: undefined,
  },
};

/** The bus, found anew after a failure. */
async function busOf($: Engine): Promise<Bus> {
  carrier.bus ??= await findBus($, carrier.url);
  return carrier.bus;
}

/** Waits for what wakes the session, as long as it is idle, and starts a turn with it. A bus that is away is asked again. */
export async function hold($: Engine): Promise<void> {
  if (carrier.holds || lease.isGivenUp) return;
  carrier.holds = true;
  let retry = FIRST_RETRY_MS;
  try {
    while (carrier.idleSince !== undefined) {
      try {
        const bus = await busOf($);
        await allTold();
        await showStatus($, bus);
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
        carrier.bus = undefined;
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
  // The clock may have gone back.
  const given = await session.waitFor(HOLD_SECONDS, Math.max(0, idleMs));
  if (carrier.idleSince === undefined) {
    // The turn's first tool use takes them, instead of a prompt behind the turn.
    if (given !== null && given.events.length > 0) await session.leave(given, "wake");
    return true;
  }
  if (given === null) {
    await (await sessionCall($, bus, {})).register();
    return true;
  }
  if (given.events.length === 0) return given.left !== true && given.stops !== true;
  const batch = await withoutShown($, session, given, "wake");
  return batch.events.length === 0 || submit($, session, batch);
}

/** Starts a turn with these events. False if the client dropped them. */
async function submit($: Engine, session: HookSession, batch: Batch): Promise<boolean> {
  const { text, shown } = handOver(batch, Date.now());
  const confirm = () => confirmShown($, session, batch, shown.length, "wake", byteLength(text));
  carrier.own = { text, ids: shown.map(({ id }) => id), confirm };
  const { drop } = (await $.prompt.submit({ text })) ?? {};
  // Unconfirmed events come again.
  if (drop === undefined) await confirmOwn();
  carrier.own = undefined;
  return drop === undefined;
}

/**
 * Leaves the session to the waiter until the user's next prompt. Once the user interrupted a turn, Claude Code drops what a
 * mod submits. A change of the watched file starts the waiter.
 */
export async function giveUp($: Engine): Promise<void> {
  lease.isGivenUp = true;
  carrier.idleSince = undefined;
  try {
    await (await hookSession($, await busOf($))).id();
  } catch {
    carrier.bus = undefined;
  }
  // That plugin has no hooks.
  if (carrier.url !== undefined) return;
  const file = interruptedFile(await dataDirectory($), await $.session.id());
  await $.fs.write(file, `${Date.now()}\n`);
  carrier.interrupted = file;
}

/** Confirms what the mod's own prompt says, once. */
async function confirmOwn(): Promise<void> {
  const { own } = carrier;
  carrier.own = undefined;
  await own?.confirm();
}

/** Confirms what a prompt says that the mod submitted. False for another prompt. */
export async function confirmedOwn({ prompt }: ClassicInput): Promise<boolean> {
  if (carrier.own === undefined || prompt !== carrier.own.text) return false;
  await confirmOwn().catch(() => {});
  return true;
}

/** A batch without what stands in a prompt of the mod that waits for the end of a turn. */
function withoutOwn(batch: Batch): Batch {
  const ids = carrier.own?.ids ?? [];
  return { ...batch, events: batch.events.filter(({ id }) => !ids.includes(id)) };
}

/**
 * Takes what the session has to read now, and confirms it. `isOwn`: at a prompt of the mod. Returns what the model reads, if
 * anything.
 */
export async function take(
  $: Engine,
  path: Path,
  input: ClassicInput,
  isOwn: boolean,
): Promise<string | undefined> {
  try {
    if (path === "prompt" && !isOwn && !isAutomatic(knownFields(input))) lease.isGivenUp = false;
    const bus = await busOf($);
    if (!isOwn && hasNothing(path, input)) {
      tellLater($, bus, path, input);
      return undefined;
    }
    const session = await hookSession($, bus, isOwn ? { ...input, source: "system" } : input);
    const offered = await session.collect(path);
    if (offered === null) return undefined;
    // The prompt says it all.
    if (isOwn) delete offered.woken_by;
    const batch = await withoutShown($, session, withoutOwn(offered), path);
    const { text, line, shown } = handOver(batch, Date.now());
    showLines($, line, path === "tool", carrier.isInteractive);
    // Without an answer they may be confirmed, and would never be shown.
    if (batch.events.length > 0 || batch.digest !== undefined)
      await confirmShown($, session, batch, shown.length, path, byteLength(text)).catch(() => {});
    // Another client takes no prompt as long as a call of the mod is open.
    if (carrier.isInteractive) watchOn($, bus, path, input);
    return text === "" ? undefined : text;
  } catch {
    carrier.bus = undefined;
    return undefined;
  }
}

/** Unregisters the session of a client that ends. After /clear the client goes on, as idle as before. */
export async function end($: Engine, input: ClassicInput): Promise<void> {
  const file = carrier.interrupted;
  carrier.interrupted = undefined;
  if (file !== undefined) await $.process.run(["rm", "-f", file]).catch(() => {});
  if (goesOn(knownFields(input))) return;
  carrier.idleSince = undefined;
  try {
    await (await hookSession($, await busOf($), input)).end();
  } catch {
    // The bus notices that the client is gone.
  }
}

/** The call of one of the bus's tools, with what it lacks about its caller. */
export async function withCaller($: Engine, input: ToolInput): Promise<ToolInput> {
  try {
    const { tool, tool_use_id: _, agentId: __, ...tool_input } = input;
    const bus = await busOf($);
    const call = await sessionCall($, bus, { cwd: await $.session.cwd() });
    const wanted = { tool: toolIn(tool), tool_input, limitMs: NAME_LIMIT_MS };
    return { ...input, ...(await missingIn(call, await hookSession($, bus), wanted)) };
  } catch {
    return input;
  }
}

/** Shows who is here and what is unread. */
async function showStatus($: Engine, bus: Bus): Promise<void> {
  const call = await sessionCall($, bus, {});
  const whose = { client_id: call.clientId, ...machineIn(call) };
  const { name, here, unread, needs } = await callBus($, bus, "summarize", whose);
  const parts = [
    typeof name === "string" ? inLine(name, 40) : "",
    `${Number(here)} here`,
    Number(unread) > 0 ? `${Number(unread)} unread` : "",
    Number(needs) > 0 ? `${Number(needs)} ${Number(needs) === 1 ? "needs" : "need"} you` : "",
  ];
  $.ui.status(parts.filter(Boolean).join(" · "));
}
