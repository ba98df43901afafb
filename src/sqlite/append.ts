import type { Event } from "../domain/event.ts";
import type { DecideRegistration, Draft, Registered, Store } from "../domain/store.ts";
import { DeliveryTable } from "./deliveries.ts";
import { MailTable } from "./direct_messages.ts";
import { EventTable } from "./events.ts";
import type { BackgroundWriter } from "./group_commit.ts";
import { NeedTable } from "./needs.ts";
import { type Parts, timestampOf } from "./parts.ts";
import { PushTable } from "./pushes.ts";
import { SearchTable } from "./search.ts";
import { SessionTable } from "./sessions.ts";
import { SourceTable } from "./sources.ts";
import { TextIndex } from "./text_index.ts";
import { WebhookTable } from "./webhooks.ts";

export function tablesOf(parts: Parts, background: BackgroundWriter, folder: string) {
  const events = new EventTable(parts);
  const mail = new MailTable(parts);
  const webhooks = new WebhookTable(parts);
  const deliveries = new DeliveryTable({ ...parts, events, webhooks });
  const sessions = new SessionTable({ ...parts, events, mail });
  const index = new TextIndex({ ...parts, events, background, folder });
  const search = new SearchTable({ ...parts, events, index });
  const [needs, pushes, sources] = [new NeedTable(parts), new PushTable(parts), new SourceTable(parts)];
  return { events, search, index, mail, needs, pushes, webhooks, deliveries, sessions, sources };
}

/** Writes events, with everything that belongs to them. No event is written in another way. */
export class Appender implements Pick<Store, "append" | "register" | "listen" | "listenCommits"> {
  readonly #parts: Parts;
  readonly #tables: ReturnType<typeof tablesOf>;
  readonly #listeners: Parameters<Store["listen"]>[0][] = [];
  readonly #commitListeners: (() => void)[] = [];
  #uncommitted: { event: Event; draft: Draft }[] = [];

  constructor(parts: Parts, tables: ReturnType<typeof tablesOf>) {
    this.#parts = parts;
    this.#tables = tables;
  }

  append(draft: Draft): Promise<Event | null> {
    return this.#parts.writer.write(() =>
      this.#isStale(draft) ? null : this.#insert(draft, timestampOf(this.#parts)),
    );
  }

  register(decide: DecideRegistration): Promise<Registered | null> {
    const { sessions, mail } = this.#tables;
    return this.#parts.writer.write(() => {
      const at = timestampOf(this.#parts);
      const plan = decide(sessions, at);
      if (plan === null) return null;
      const { session, wanted, draft, alias, lost, inherits, takesOver } = plan;
      const inherit = () => {
        for (const one of lost) mail.loseWith(one);
        if (takesOver !== undefined) sessions.takeOver(takesOver, session.session_id);
        for (const recipient of inherits) mail.forward(recipient, session.session_id);
      };
      if (draft === null) {
        sessions.revive(session, alias);
        inherit();
        const doubtful = lost.flatMap((one) => mail.doubtful(one));
        return { session, wanted, event: null, doubtful };
      }
      if (this.#isStale(draft)) return null;
      const event = this.#insert(draft, at);
      const registered = { ...session, cursor: event.id };
      sessions.insert(registered);
      inherit();
      return { session: registered, wanted, event, doubtful: [] };
    });
  }

  listen(onEvent: (event: Event, webhookIds: readonly number[]) => void): void {
    this.#listeners.push(onEvent);
  }

  listenCommits(onCommit: () => void): void {
    this.#commitListeners.push(onCommit);
  }

  /** Passes on the events of a transaction that was committed. */
  committed(): void {
    const appended = this.#uncommitted;
    this.#uncommitted = [];
    for (const { event, draft } of appended) {
      for (const listener of this.#listeners) listener(event, draft.webhookIds);
      this.#tables.index.note(event);
    }
    this.#tables.mail.committed();
    this.#tables.needs.committed();
    for (const listener of this.#commitListeners) listener();
  }

  /** Forgets what is in memory, after a transaction that was undone. */
  undone(): void {
    this.#uncommitted = [];
    this.#tables.events.forget();
    this.#tables.webhooks.forget();
    this.#tables.mail.undone();
    this.#tables.needs.undone();
  }

  /** True if a webhook was added, removed, enabled or paused since the draft was decided, its need was closed, or it arrived. */
  #isStale({ revision, change }: Draft): boolean {
    const { webhooks, needs, sources } = this.#tables;
    if (revision !== webhooks.revision) return true;
    if (change?.kind === "arrive") return !sources.isNew(change.sourceId, change.keys);
    return change?.kind === "answer" && !needs.isOpen(change.needId);
  }

  #insert(draft: Draft, at: string): Event {
    const { events, mail, deliveries, sessions, webhooks, needs, sources } = this.#tables;
    const { change } = draft;
    if (change?.kind === "answer") needs.answer(change.needId, change.answer, change);
    if (change?.kind === "unregister") sessions.markDeleted(change.sessionId, at);
    if (change?.kind === "pause") webhooks.turn(change.webhookId, false, change.reason);
    const event = events.insert(draft.event, at);
    if (change?.kind === "arrive") sources.arrived(change.sourceId, change.keys, event.id);
    for (const webhookId of draft.webhookIds) deliveries.enqueue(webhookId, event.id);
    if (draft.recipient !== null) mail.post(draft.recipient, event.id);
    if (draft.need !== null) needs.openEvent(draft.need, event.id, at);
    if (draft.settles !== null) needs.settle(draft.settles);
    this.#uncommitted.push({ event, draft });
    return event;
  }
}
