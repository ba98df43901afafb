import type { Bus } from "../domain/context.ts";
import type { Waiting } from "../domain/direct_message.ts";
import { type Event, PERSON } from "../domain/event.ts";
import {
  groupOf,
  isAnswer,
  type Kind,
  kindOf,
  mayNotify,
  noticeOf,
  UNSEEN_MS,
} from "../domain/notification.ts";
import { recipientsOf } from "../domain/recipients.ts";
import type { Session } from "../domain/session.ts";
import { type Standing, StandingNotices } from "./standing.ts";
import { wordsOf } from "./words.ts";

type Later = (run: () => void, ms: number) => () => void;

/** Messages of one look. */
const PAGE = 200;
/** Least time between two looks at unseen messages (ms). */
const LOOK_MS = 1_000;
/** A notification stays for this time (ms), even if its message is seen at once. */
const STAY_MS = 2_000;
/** The same for a user who follows what agents write to each other. */
const READING_MS = 10_000;
/** How far the position may be behind in the store (events). */
const UNSAVED = 1_000;

/** Shows the user the events that are for the user, and withdraws what was seen or answered. */
export class Notices {
  readonly #bus: Bus;
  readonly #withdraw: (group: string) => Promise<void>;
  readonly #later: Later;
  readonly #standing = new StandingNotices();
  readonly #timers = new Set<() => void>();
  /** Events are shown one after the other. */
  #last: Promise<void> = Promise.resolve();
  /** Unseen messages up to this event were looked at. */
  #reviewed = 0;
  /** The same in the store. Null until a message has to be looked at later. */
  #saved: number | null = null;
  #willLook = false;
  #ended = false;

  /** `later` runs something after a time (ms), and returns what takes that back. */
  constructor(bus: Bus, withdraw: (group: string) => Promise<void>, later: Later = afterMs) {
    this.#bus = bus;
    this.#withdraw = withdraw;
    this.#later = later;
  }

  /** Follows the events from here on. Looks also at the unseen messages that an earlier process left. */
  async start(): Promise<void> {
    const { store, notices } = this.#bus;
    const isLater = notices === "needs-me";
    this.#saved = await store.mail.reviewed();
    this.#reviewed = this.#saved ?? (await store.events.tip());
    if (!isLater && this.#saved !== null) this.#save(null);
    if (notices === "off") return;
    store.listen((event) => this.#note(event));
    store.mail.listen((recipient) => {
      for (const notice of this.#standing.readBy(recipient)) this.#settle(notice);
    });
    if (this.#saved !== null) this.#lookIn(0);
  }

  /** Shows nothing from here on. */
  stop(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #note(event: Event): void {
    if (isAnswer(event) && event.correlation_id !== null)
      for (const notice of this.#standing.answered(event.correlation_id)) this.#settle(notice);
    if (mayNotify(event, this.#bus.notices)) this.#then(() => this.#decide(event));
  }

  /** Runs something after all that was begun before. */
  #then(run: () => Promise<void>): void {
    const { warn } = this.#bus;
    this.#last = this.#last
      .then(() => (this.#ended ? undefined : run()))
      .catch((error) => warn(`could not notify the user: ${error}`));
  }

  async #decide(event: Event): Promise<void> {
    const { to, recipient } = await recipientsOf(this.#bus, event);
    const notice = noticeOf(event, to, this.#bus.notices);
    if (notice === "now") await this.#show(event, kindOf(event, to.isRepoLive), recipient, false);
    if (notice !== "unseen") return;
    if (this.#saved === null) this.#save(this.#reviewed);
    this.#lookIn(UNSEEN_MS);
  }

  async #show(event: Event, kind: Kind, recipient: Session | undefined, isLate: boolean): Promise<void> {
    const sender = await this.#bus.store.sessions.get(event.session_id);
    const group = groupOf(event, kind, sender?.session_id);
    if (this.#standing.has(group, event.id)) return;
    const readers = { mail: PERSON, message: recipient?.session_id ?? null, need: null, other: null };
    const notice = this.#standing.add(group, readers[kind], event);
    const words = wordsOf({ event, kind, sender, recipient, isLate });
    // Not waited for: a throttled notification is shown much later.
    this.#bus.notify({ ...words, group, others: notice.open.size - 1 }).catch(() => {});
    if (notice.isFresh) return;
    notice.isFresh = true;
    this.#after(this.#bus.notices === "needs-me" ? STAY_MS : READING_MS, () => {
      notice.isFresh = false;
      this.#settle(notice);
    });
  }

  /** Withdraws a notification if nothing of it is open. */
  #settle(notice: Standing): void {
    if (notice.isFresh) return;
    this.#then(async () => {
      if (notice.reader !== null) await this.#dropSeen(notice, notice.reader);
      if (notice.open.size > 0 || notice.isFresh) return;
      this.#standing.remove(notice);
      await this.#withdraw(notice.group);
    });
  }

  async #dropSeen({ open }: Standing, reader: string): Promise<void> {
    const unseen = await this.#bus.store.mail.unseen(reader, open.size + PAGE);
    const ids = new Set(unseen.map(({ event }) => event.id));
    const last = unseen.length < open.size + PAGE ? Number.POSITIVE_INFINITY : (unseen.at(-1)?.event.id ?? 0);
    for (const [key, id] of open) if (id <= last && !ids.has(id)) open.delete(key);
  }

  #lookIn(ms: number): void {
    if (this.#willLook) return;
    this.#willLook = true;
    this.#after(ms, () => {
      this.#willLook = false;
      this.#then(() => this.#look());
    });
  }

  /** Shows the messages that were not seen in time, and looks again when the next one is due. */
  async #look(): Promise<void> {
    const { store, now } = this.#bus;
    // Read first, so that a message that comes meanwhile is looked at the next time.
    const tip = await store.events.tip();
    const waiting = await store.mail.waiting(this.#reviewed, PAGE);
    const dueIn = ({ event }: Waiting) => Date.parse(event.timestamp) + UNSEEN_MS - now();
    const early = waiting.find((one) => dueIn(one) > 0);
    const due = early === undefined ? waiting : waiting.slice(0, waiting.indexOf(early));
    for (const { event, recipient } of due) await this.#remind(event, recipient);
    const isFull = waiting.length === PAGE;
    const last = due.at(-1)?.event.id ?? 0;
    if (early !== undefined) this.#lookIn(Math.min(Math.max(dueIn(early), LOOK_MS), UNSEEN_MS));
    else if (isFull) this.#lookIn(LOOK_MS);
    const to = early === undefined ? (isFull ? last : Math.max(tip, last)) : early.event.id - 1;
    this.#reviewed = Math.max(this.#reviewed, to);
    const unsaved = this.#reviewed - (this.#saved ?? 0);
    if (unsaved >= UNSAVED || (unsaved > 0 && due.length > 0)) this.#save(this.#reviewed);
  }

  async #remind(event: Event, recipientId: string): Promise<void> {
    const { to, recipient } = await recipientsOf(this.#bus, event, recipientId);
    if (noticeOf(event, to, this.#bus.notices) === "unseen")
      await this.#show(event, "message", recipient, true);
  }

  /** Keeps the position for the next process. If that fails, it shows messages again. */
  #save(upTo: number | null): void {
    this.#saved = upTo;
    this.#bus.store.mail.review(upTo).catch(() => {});
  }

  #after(ms: number, run: () => void): void {
    if (this.#ended) return;
    const cancel = this.#later(() => {
      this.#timers.delete(cancel);
      run();
    }, ms);
    this.#timers.add(cancel);
  }
}

function afterMs(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
