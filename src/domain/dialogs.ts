import type { DialogKind, Need } from "./need.ts";

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

/** The dialogs that sessions stand at, each as long as a hook holds it. Lost at the end of the process: hooks tell again. */
export class Dialogs {
  readonly #open = new Map<string, Set<Dialog>>();

  open(sessionId: string, dialog: Dialog): void {
    this.#open.set(sessionId, (this.#open.get(sessionId) ?? new Set()).add(dialog));
  }

  /** False if it was not open any more. */
  close(sessionId: string, dialog: Dialog): boolean {
    const open = this.#open.get(sessionId);
    const wasOpen = open?.delete(dialog) === true;
    if (open?.size === 0) this.#open.delete(sessionId);
    return wasOpen;
  }

  /** Closes all of a session, which was heard of. False if there were none. */
  end(sessionId: string): boolean {
    return this.#open.delete(sessionId);
  }

  /** The dialog of a need. Undefined if no hook holds it now. */
  held({ session_id, need_id }: Pick<Need, "session_id" | "need_id">): Dialog | undefined {
    return [...(this.#open.get(session_id) ?? [])].find((dialog) => dialog.need_id === need_id);
  }

  /** The newest one of the session. */
  of(sessionId: string): Dialog | undefined {
    const open = [...(this.#open.get(sessionId) ?? [])];
    return open.reduce<Dialog | undefined>(
      (newest, one) => (newest === undefined || one.since > newest.since ? one : newest),
      undefined,
    );
  }
}
