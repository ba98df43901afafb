import { counted, visibleLine } from "../lib/escape.ts";
import { sessionBehind } from "./agent_behind.ts";
import { type Caller, callerKey, covers, ORIGINS } from "./caller.ts";
import { type Bus, here } from "./context.ts";
import { BUS_ITSELF, type Event, PERSON_CHANNEL } from "./event.ts";
import { isPerson, publish } from "./publish.ts";
import type { Session } from "./session.ts";

/** Why a caller may not answer for the user. */
export interface Refused {
  /** A sentence for the caller. */
  reason: string;
  /** Who was behind the call, for the user. Begins a sentence. */
  by: string;
  /** Attempts of one culprit are told together. */
  culprit: string;
  /** The session whose client started the process. */
  session?: Session;
}

/**
 * Null if a caller may answer for the user. No agent may, whatever it can show. Others need the scope `answer`, a secret that
 * only the user has (`hasSecret`), or a terminal that no agent started.
 */
export async function mayAnswer(bus: Bus, caller: Caller, hasSecret = false): Promise<Refused | null> {
  const refused = (await agentBehind(bus, caller)) ?? unseen(caller);
  if (refused !== null) return refused;
  if (hasSecret || covers(caller.scope, "answer") || (await isPerson(bus, caller))) return null;
  return {
    reason: "Only the user may answer. Answer in a terminal, or with a token of the scope answer.",
    by: nameOf(caller),
    culprit: callerKey(caller),
  };
}

/** True if a caller may see what waits for the user as a whole: the user, or one with the scope `answer`. */
export async function maySeeWhole(bus: Bus, caller: Caller): Promise<boolean> {
  return covers(caller.scope, "answer") || (await isPerson(bus, caller));
}

async function agentBehind(bus: Bus, { process }: Caller): Promise<Refused | null> {
  const { line = [], mark } = process ?? {};
  const session = await sessionBehind(bus, line, here(bus));
  if (session !== undefined)
    return {
      reason: `The session ${session.name} started this process. Agents may not answer for their user.`,
      by: `The session ${session.name} (${session.repo})`,
      culprit: session.session_id,
      session,
    };
  if (mark === undefined) return null;
  return {
    reason: `An agent started this process, as ${mark} shows. Agents may not answer for their user.`,
    by: `An agent (${mark})`,
    culprit: `mark ${mark}`,
  };
}

/** Why a caller is refused whose process was not looked for or not found. Null if it was found, or need not be. */
function unseen(caller: Caller): Refused | null {
  const { process } = caller;
  // Where the system does not tell, only a token or a secret shows that it is the user.
  if (process !== undefined && process.unseen !== "hidden") return null;
  return {
    reason: "The bus could not see which process asks. Answer in a terminal of the user who runs the bus.",
    by: nameOf(caller),
    culprit: callerKey(caller),
  };
}

function nameOf({ origin, token }: Caller): string {
  if (origin === ORIGINS.local) return "A program of this machine";
  return token === undefined ? visibleLine(origin, 100) : `The token ${visibleLine(origin, 100)}`;
}

const AGAIN_MS = 60_000;
const MOST_REMEMBERED = 1_000;

/** Tells the user of an attempt to answer in their place, once a minute for each culprit. `tried`: what, in words. */
export async function tellAttempt(bus: Bus, { by, culprit }: Refused, tried: string): Promise<Event | null> {
  const at = bus.now();
  const known = bus.attempts.get(culprit);
  if (known !== undefined && at - known.toldAt < AGAIN_MS) {
    known.heldBack++;
    return null;
  }
  if (bus.attempts.size >= MOST_REMEMBERED) bus.attempts.clear();
  bus.attempts.set(culprit, { toldAt: at, heldBack: 0 });
  const before = known?.heldBack ?? 0;
  const more = before === 0 ? "" : ` There were ${counted(before, "further attempt")} before.`;
  return publish(bus, {
    event_type: "answer_refused",
    payload: `${visibleLine(by, 200)} tried to answer for you, and was refused: ${visibleLine(tried, 300)}.${more}`,
    session_id: BUS_ITSELF,
    channel: PERSON_CHANNEL,
    origin: ORIGINS.bus,
  });
}
