import type { DialogKind, Need } from "./need.ts";
import { alone, type Peers } from "./peers.ts";

/** A question of a session to its user, on the screen of its client, while a hook stands by. */
export interface Dialog {
  need_id: number;
  kind: DialogKind;
  /** One line from the client, untrusted. */
  text: string;
  /** Wall clock (ms). */
  since: number;
  /** False if the client does not tell when the dialog ends. A tool that the user allowed may run since. */
  certain: boolean;
}

/** Under which the calls of a session's dialogs wait. */
export function dialogWait(sessionId: string): string {
  return `dialog of ${sessionId}`;
}

/**
 * The dialogs that sessions stand at, each as long as a hook holds it at this bus or another one. Lost at the end of the
 * process: hooks tell again.
 */
export class Dialogs {
  readonly #peers: Pick<Peers, "hold" | "held" | "tell">;
  readonly #open = new Map<string, Set<Dialog>>();

  constructor(peers: Pick<Peers, "hold" | "held" | "tell"> = alone()) {
    this.#peers = peers;
  }

  open(sessionId: string, dialog: Dialog): void {
    this.#open.set(sessionId, (this.#open.get(sessionId) ?? new Set()).add(dialog));
    this.#tell(sessionId);
  }

  /** False if it was not open any more. */
  close(sessionId: string, dialog: Dialog): boolean {
    const open = this.#open.get(sessionId);
    const wasOpen = open?.delete(dialog) === true;
    if (open?.size === 0) this.#open.delete(sessionId);
    if (wasOpen) this.#tell(sessionId);
    return wasOpen;
  }

  /** Closes all of a session, which was heard of. False if this bus has none of them. */
  end(sessionId: string): boolean {
    if (this.#elsewhere(sessionId).length > 0) this.#peers.tell({ does: "end_dialogs", key: sessionId });
    return this.endHere(sessionId);
  }

  /** The same for the dialogs of this bus alone. */
  endHere(sessionId: string): boolean {
    const wereOpen = this.#open.delete(sessionId);
    if (wereOpen) this.#tell(sessionId);
    return wereOpen;
  }

  /** The dialog of a need. Undefined if no hook holds it now. */
  held({ session_id, need_id }: Pick<Need, "session_id" | "need_id">): Dialog | undefined {
    return this.#all(session_id).find((dialog) => dialog.need_id === need_id);
  }

  /** The newest one of the session. */
  of(sessionId: string): Dialog | undefined {
    return this.#all(sessionId).reduce<Dialog | undefined>(
      (newest, one) => (newest === undefined || one.since > newest.since ? one : newest),
      undefined,
    );
  }

  #all(sessionId: string): Dialog[] {
    return [...(this.#open.get(sessionId) ?? []), ...this.#elsewhere(sessionId)];
  }

  #elsewhere(sessionId: string): Dialog[] {
    return this.#peers.held(keyOf(sessionId)).flatMap((text) => JSON.parse(text) as Dialog[]);
  }

  #tell(sessionId: string): void {
    const open = this.#open.get(sessionId);
    this.#peers.hold(keyOf(sessionId), open === undefined ? undefined : JSON.stringify([...open]));
  }
}

/** The key by which other buses see the dialogs of a session. */
function keyOf(sessionId: string): string {
  return `dialogs ${sessionId}`;
}
