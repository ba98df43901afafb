import { alone, type Peers } from "./peers.ts";

/** How long a hook with a time limit waits. The hooks beside a killed one, which never releases, have 300 ms in all. */
const LIMITED_MS = 200;
/** How long one without a limit waits: a machine under load may take seconds to show and confirm a message. */
const LONGEST_MS = 5_000;

/** How often it is asked if another bus has given the turn back. */
const ASK_MS = 20;

interface Turn {
  /** False while another bus has the turn. */
  isTaken: boolean;
  /** For the first hook that is not patient. */
  isPassedOn: boolean;
  since: number;
  over: Promise<void>;
  end(): void;
}

/**
 * Allows one hand-over to a session at a time. Hooks that ask at the same moment would otherwise be given the same events,
 * each before another confirmed them.
 */
export class Turns {
  readonly #peers: Pick<Peers, "take" | "give" | "tell">;
  readonly #taken = new Map<string, Turn>();

  constructor(peers: Pick<Peers, "take" | "give" | "tell"> = alone()) {
    this.#peers = peers;
  }

  /**
   * Resolves when it is the caller's turn, which ends by `end` or after 5 s. A caller that is not `patient` ends the turn of
   * another one once that has lasted for 200 ms.
   */
  async take(sessionId: string, patient = false): Promise<void> {
    for (let turn = this.#taken.get(sessionId); turn !== undefined; turn = this.#taken.get(sessionId)) {
      if (turn.isPassedOn && !patient) {
        turn.end();
        continue;
      }
      const left = turn.since + (patient ? LONGEST_MS : LIMITED_MS) - performance.now();
      if (left > 0) await within(left, turn.over);
      else turn.end();
    }
    const turn = this.#begin(sessionId);
    await this.#takeFromOthers(sessionId, patient);
    turn.isTaken = true;
  }

  /** Leaves the turn to the hooks of a session that is woken. A patient caller takes it once it would have ended anyway. */
  passOn(sessionId: string): void {
    const turn = this.#taken.get(sessionId);
    if (turn?.isTaken) {
      turn.isPassedOn = true;
      this.#peers.give(leaseOf(sessionId)).catch(() => {});
    } else this.end(sessionId);
  }

  /** Ends the turn, which another bus may have begun. */
  end(sessionId: string): void {
    if (this.#taken.get(sessionId)?.isTaken) this.endHere(sessionId);
    else this.#peers.tell({ does: "end_turn", key: sessionId });
  }

  /** Ends the turn that this bus has. */
  endHere(sessionId: string): void {
    const turn = this.#taken.get(sessionId);
    if (turn?.isTaken) turn.end();
  }

  /** Waits until another bus has given the turn back, for as long as for one of this bus. */
  async #takeFromOthers(sessionId: string, patient: boolean): Promise<void> {
    const until = performance.now() + (patient ? LONGEST_MS : LIMITED_MS);
    const take = () => this.#peers.take(leaseOf(sessionId), LONGEST_MS).catch(() => true);
    while (!(await take()) && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }

  #begin(sessionId: string): Turn {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const turn: Turn = {
      isTaken: false,
      isPassedOn: false,
      since: performance.now(),
      over,
      end: () => {
        clearTimeout(timer);
        if (this.#taken.get(sessionId) === turn) this.#taken.delete(sessionId);
        this.#peers.give(leaseOf(sessionId)).catch(() => {});
        resolve();
      },
    };
    const timer = setTimeout(turn.end, LONGEST_MS).unref();
    this.#taken.set(sessionId, turn);
    return turn;
  }
}

function leaseOf(sessionId: string): string {
  return `turn ${sessionId}`;
}

/** Resolves with the promise, or after so many milliseconds. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
