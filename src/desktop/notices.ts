import { type Bus, here } from "../domain/context.ts";
import { recipientOf, type Waiting } from "../domain/direct_message.ts";
import type { Event } from "../domain/event.ts";
import {
  failedRepoOf,
  groupOf,
  isAnswer,
  type Kind,
  kindOf,
  mayNotify,
  noticeOf,
  type Recipients,
  UNSEEN_MS,
} from "../domain/notification.ts";
import { PERSON } from "../domain/person.ts";
import { isAlive, LEASE_MS, type Session } from "../domain/session.ts";
import { DialogNotices } from "./dialog_notices.ts";
import { type Need, Needs } from "./needs.ts";
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
  readonly #dialogs: DialogNotices;
  readonly #needs = new Needs();
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
    this.#dialogs = new DialogNotices(bus, withdraw);
  }

  /** Follows the events from here on. Looks also at the unseen messages that an earlier process left. */
  async start(): Promise<void> {
    const { store, notices } = this.#bus;
    const isLater = notices === "needs-me";
    this.#saved = await store.mail.reviewed();
    this.#reviewed = this.#saved ?? (await store.events.tip());
    if (!isLater && this.#saved !== null) this.#save(null);
    if (notices === "off") return;
    this.#dialogs.start();
    store.listen((event) => this.#note(event));
    store.mail.listen((recipient) => {
      for (const need of this.#needs.readBy(recipient)) this.#settle(need);
    });
    if (this.#saved !== null) this.#lookIn(0);
  }

  /** Shows nothing from here on. */
  stop(): void {
    this.#ended = true;
    this.#dialogs.stop();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #note(event: Event): void {
    if (isAnswer(event) && event.correlation_id !== null)
      for (const need of this.#needs.answered(event.correlation_id)) this.#settle(need);
    if (mayNotify(event, this.#bus.notices)) this.#then(() => this.#decide(event));
  }

  /** Runs something after all that was begun before. */
  #then(run: () => Promise<void>): void {
    const { warn } = this.#bus;
    this.#last = this.#last
      .then(() => (this.#ended ? undefined : run()))
      .catch((error) => warn(`the user was not notified: ${error}`));
  }

  async #decide(event: Event): Promise<void> {
    const recipient = await this.#sessionOf(recipientOf(event.channel));
    const to = await this.#recipientsOf(event, recipient);
    const notice = noticeOf(event, to, this.#bus.notices);
    if (notice === "now") await this.#show(event, kindOf(event, to.isRepoLive), recipient, false);
    if (notice !== "unseen") return;
    if (this.#saved === null) this.#save(this.#reviewed);
    this.#lookIn(UNSEEN_MS);
  }

  async #sessionOf(id: string | null): Promise<Session | undefined> {
    const session = id === null ? undefined : await this.#bus.store.sessions.get(id);
    return session?.deleted_at === null ? session : undefined;
  }

  async #recipientsOf(event: Event, recipient: Session | undefined): Promise<Recipients> {
    const hooks = recipient?.state === null ? "no_hooks" : "hooks";
    const isRepoLive = await this.#isLive(failedRepoOf(event));
    return { session: recipient === undefined ? "nobody" : hooks, isRepoLive };
  }

  async #isLive(repo: string | null): Promise<boolean> {
    if (repo === null) return false;
    const since = new Date(this.#bus.now() - LEASE_MS).toISOString();
    const present = await this.#bus.store.sessions.present(since);
    const at = here(this.#bus);
    return present.some((session) => session.repo === repo && isAlive(session, at));
  }

  async #show(event: Event, kind: Kind, recipient: Session | undefined, isLate: boolean): Promise<void> {
    const sender = await this.#bus.store.sessions.get(event.session_id);
    const group = groupOf(event, kind, sender?.session_id);
    if (this.#needs.has(group, event.id)) return;
    const readers = { mail: PERSON, message: recipient?.session_id ?? null, need: null, other: null };
    const need = this.#needs.add(group, readers[kind], event);
    const words = wordsOf({ event, kind, sender, recipient, isLate });
    // Not waited for: a throttled notification is shown much later.
    this.#bus.notify({ ...words, group, others: need.open.size - 1 }).catch(() => {});
    if (need.isFresh) return;
    need.isFresh = true;
    this.#after(this.#bus.notices === "needs-me" ? STAY_MS : READING_MS, () => {
      need.isFresh = false;
      this.#settle(need);
    });
  }

  /** Withdraws a notification if nothing of its need is open. */
  #settle(need: Need): void {
    if (need.isFresh) return;
    this.#then(async () => {
      if (need.reader !== null) await this.#dropSeen(need, need.reader);
      if (need.open.size > 0 || need.isFresh) return;
      this.#needs.remove(need);
      await this.#withdraw(need.group);
    });
  }

  async #dropSeen({ open }: Need, reader: string): Promise<void> {
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
    const recipient = await this.#sessionOf(recipientId);
    const to = await this.#recipientsOf(event, recipient);
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
