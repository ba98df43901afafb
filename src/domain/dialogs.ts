export const DIALOG_KINDS = ["permission", "question", "elicitation"] as const;

/** A question of a session to its user, on the screen of its client. */
export interface Dialog {
  kind: (typeof DIALOG_KINDS)[number];
  /** One line from the client, untrusted. */
  text: string;
  /** Wall clock (ms). */
  since: number;
  /** False if the client does not tell when the dialog ends. A tool that the user allowed may run since. */
  certain: boolean;
}

/** The dialogs that sessions stand at, each as long as a hook holds it. Lost at the end of the process: hooks tell again. */
export class Dialogs {
  readonly #open = new Map<string, Set<Dialog>>();
  #onChange: (sessionId: string) => void = () => {};

  /** Calls `onChange`, instead of an earlier one, with each session whose dialogs changed. */
  listen(onChange: (sessionId: string) => void): void {
    this.#onChange = onChange;
  }

  open(sessionId: string, dialog: Dialog): void {
    this.#open.set(sessionId, (this.#open.get(sessionId) ?? new Set()).add(dialog));
    this.#onChange(sessionId);
  }

  /** False if it was not open any more. */
  close(sessionId: string, dialog: Dialog): boolean {
    const open = this.#open.get(sessionId);
    const wasOpen = open?.delete(dialog) === true;
    if (open?.size === 0) this.#open.delete(sessionId);
    if (wasOpen) this.#onChange(sessionId);
    return wasOpen;
  }

  /** Closes all of a session, which was heard of. False if there were none. */
  end(sessionId: string): boolean {
    const wereOpen = this.#open.delete(sessionId);
    if (wereOpen) this.#onChange(sessionId);
    return wereOpen;
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
