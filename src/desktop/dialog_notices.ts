import type { Bus } from "../domain/context.ts";
import type { Dialog } from "../domain/dialogs.ts";

/** A dialog that stands for this time (ms) needs the user. */
const STANDS_MS = 10_000;
/** A dialog is gone after this time (ms). Its hook may only tell again. */
const GONE_MS = 2_000;

/** Shows the user the dialogs that nobody answers, one notification a session, and withdraws them when they are gone. */
export class DialogNotices {
  readonly #bus: Bus;
  readonly #withdraw: (group: string) => Promise<void>;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** The text that is shown, by session. */
  readonly #shown = new Map<string, string>();

  constructor(bus: Bus, withdraw: (group: string) => Promise<void>) {
    this.#bus = bus;
    this.#withdraw = withdraw;
  }

  start(): void {
    const { dialogs, now } = this.#bus;
    dialogs.listen((sessionId) => {
      const dialog = this.#standing(sessionId);
      if (dialog !== undefined) this.#lookIn(sessionId, Math.max(0, dialog.since + STANDS_MS - now()));
      else if (this.#shown.has(sessionId)) this.#lookIn(sessionId, GONE_MS);
    });
  }

  /** Shows nothing from here on. */
  stop(): void {
    this.#bus.dialogs.listen(() => {});
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** The session's dialog. Undefined if the client does not tell whether it stands. */
  #standing(sessionId: string): Dialog | undefined {
    const dialog = this.#bus.dialogs.of(sessionId);
    return dialog?.certain === true ? dialog : undefined;
  }

  #lookIn(sessionId: string, ms: number): void {
    clearTimeout(this.#timers.get(sessionId));
    const look = () => {
      this.#timers.delete(sessionId);
      this.#look(sessionId).catch((error) => this.#bus.warn(`the user was not notified: ${error}`));
    };
    this.#timers.set(sessionId, setTimeout(look, ms).unref());
  }

  async #look(sessionId: string): Promise<void> {
    const dialog = this.#standing(sessionId);
    const group = `dialog-${sessionId}`;
    if (dialog === undefined) {
      if (this.#shown.delete(sessionId)) await this.#withdraw(group);
      return;
    }
    if (this.#shown.get(sessionId) === dialog.text || this.#bus.now() < dialog.since + STANDS_MS) return;
    this.#shown.set(sessionId, dialog.text);
    const session = await this.#bus.store.sessions.get(sessionId);
    const title = `✋ ${session?.name ?? sessionId} waits for you`;
    await this.#bus.notify({ title, subtitle: session?.repo ?? "", message: dialog.text, group });
  }
}
