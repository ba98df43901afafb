import type { Event } from "../domain/event.ts";
import type { DecideRegistration, Draft, Registered, Store } from "../domain/store.ts";
import { DeliveryTable } from "./deliveries.ts";
import { MailTable } from "./direct_messages.ts";
import { EventTable } from "./events.ts";
import { type Parts, timestampOf } from "./parts.ts";
import { PushTable } from "./pushes.ts";
import { SessionTable } from "./sessions.ts";
import { WebhookTable } from "./webhooks.ts";

export function tablesOf(parts: Parts) {
  const events = new EventTable(parts);
  const mail = new MailTable(parts);
  const webhooks = new WebhookTable(parts);
  const deliveries = new DeliveryTable({ ...parts, events, webhooks });
  const sessions = new SessionTable({ ...parts, events, mail });
  return { events, mail, pushes: new PushTable(parts), webhooks, deliveries, sessions };
}

/** Writes events, with everything that belongs to them. No event is written in another way. */
export class Appender implements Pick<Store, "append" | "register" | "listen"> {
  readonly #parts: Parts;
  readonly #tables: ReturnType<typeof tablesOf>;
  readonly #listeners: Parameters<Store["listen"]>[0][] = [];
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
      const { session, wanted, draft, alias, inherits } = plan;
      if (draft === null) {
        sessions.revive(session, alias);
        for (const recipient of inherits) mail.forward(recipient, session.session_id);
        return { session, wanted, event: null };
      }
      if (this.#isStale(draft)) return null;
      const event = this.#insert(draft, at);
      const registered = { ...session, cursor: event.id };
      sessions.insert(registered);
      return { session: registered, wanted, event };
    });
  }

  listen(onEvent: (event: Event, webhookIds: readonly number[]) => void): void {
    this.#listeners.push(onEvent);
  }

  /** Passes on the events of a transaction that was committed. */
  committed(): void {
    const appended = this.#uncommitted;
    this.#uncommitted = [];
    for (const { event, draft } of appended)
      for (const listener of this.#listeners) listener(event, draft.webhookIds);
    this.#tables.mail.committed();
  }

  /** Forgets what is in memory, after a transaction that was undone. */
  undone(): void {
    this.#uncommitted = [];
    this.#tables.events.forget();
    this.#tables.webhooks.forget();
    this.#tables.mail.undone();
  }

  /** True if a webhook was added, removed, enabled or paused since the draft was decided. */
  #isStale({ revision }: Draft): boolean {
    return revision !== this.#tables.webhooks.revision;
  }

  #insert(draft: Draft, at: string): Event {
    const { events, mail, deliveries, sessions, webhooks } = this.#tables;
    const { change } = draft;
    if (change?.kind === "unregister") sessions.markDeleted(change.sessionId, at);
    if (change?.kind === "pause") webhooks.turn(change.webhookId, false, change.reason);
    const event = events.insert(draft.event, at);
    for (const webhookId of draft.webhookIds) deliveries.enqueue(webhookId, event.id);
    if (draft.recipient !== null) mail.post(draft.recipient, event.id);
    this.#uncommitted.push({ event, draft });
    return event;
  }
}
