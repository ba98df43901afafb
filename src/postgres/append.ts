import type { Event } from "../domain/event.ts";
import type { DecideRegistration, Draft, Registered, Store } from "../domain/store.ts";
import type { DeliveryTable } from "./deliveries.ts";
import type { MailTable } from "./direct_messages.ts";
import type { Row } from "./event_rows.ts";
import { decideOn } from "./known_sessions.ts";
import type { NeedTable } from "./needs.ts";
import { type Parts, timestampOf } from "./parts.ts";
import type { SessionTable } from "./sessions.ts";
import type { SourceTable } from "./sources.ts";
import type { Transaction } from "./transaction.ts";
import type { WebhookTable } from "./webhooks.ts";
import type { Writer } from "./writer.ts";

export interface AppenderParts extends Parts {
  writer: Pick<Writer, "write" | "append">;
}

export interface Tables {
  sessions: SessionTable;
  mail: MailTable;
  needs: NeedTable;
  webhooks: WebhookTable;
  deliveries: DeliveryTable;
  sources: SourceTable;
}

/** Writes events, with everything that belongs to them. No event is written in another way. */
export class Appender implements Pick<Store, "append" | "register"> {
  readonly #parts: AppenderParts;
  readonly #tables: Tables;

  constructor(parts: AppenderParts, tables: Tables) {
    this.#parts = parts;
    this.#tables = tables;
  }

  append(draft: Draft): Promise<Event | null> {
    const { writer } = this.#parts;
    const run = async (transaction: Transaction) =>
      (await this.#isStale(transaction, draft))
        ? null
        : this.#insert(transaction, draft, timestampOf(this.#parts));
    const isAlone = draft.change === null && draft.need === null && draft.settles === null;
    return isAlone ? writer.append(() => this.#row(draft), run) : writer.write(run);
  }

  register(decide: DecideRegistration): Promise<Registered | null> {
    const { sessions, mail } = this.#tables;
    return this.#parts.writer.write(async (transaction) => {
      const at = timestampOf(this.#parts);
      const plan = await decideOn(transaction, (known) => decide(known, at));
      if (plan === null) return null;
      const { session, wanted, draft, alias, lost, inherits, takesOver } = plan;
      const inherit = async () => {
        for (const one of lost) await mail.loseWith(transaction, one);
        if (takesOver !== undefined) await sessions.takeOver(transaction, takesOver, session.session_id);
        for (const recipient of inherits) await mail.forward(transaction, recipient, session.session_id);
      };
      if (draft === null) {
        await sessions.revive(transaction, session, alias);
        await inherit();
        const doubtful: number[] = [];
        for (const one of lost) doubtful.push(...(await mail.doubtful(transaction, one)));
        return { session, wanted, event: null, doubtful };
      }
      if (await this.#isStale(transaction, draft)) return null;
      const event = await this.#insert(transaction, draft, at);
      const registered = { ...session, cursor: event.id };
      await sessions.insert(transaction, registered);
      await inherit();
      return { session: registered, wanted, event, doubtful: [] };
    });
  }

  /** True if a webhook was added, removed, enabled or paused since the draft was decided, its need was closed, or it arrived. */
  async #isStale(transaction: Transaction, { revision, change }: Draft): Promise<boolean> {
    if (revision !== transaction.revision) {
      this.#tables.webhooks.forget();
      return true;
    }
    if (change?.kind === "arrive")
      return !(await this.#tables.sources.isNew(transaction, change.sourceId, change.keys));
    return change?.kind === "answer" && !(await this.#tables.needs.isOpen(transaction, change.needId));
  }

  async #insert(transaction: Transaction, draft: Draft, at: string): Promise<Event> {
    const { sessions, webhooks, needs, sources } = this.#tables;
    const { change, need, settles } = draft;
    if (change?.kind === "answer") await needs.answer(transaction, change.needId, change.answer, change);
    if (change?.kind === "unregister") await sessions.markDeleted(transaction, change.sessionId, at);
    if (change?.kind === "pause") await webhooks.turn(transaction, change.webhookId, false, change.reason);
    const event = transaction.append(this.#row(draft, at));
    if (change?.kind === "arrive") await sources.arrived(transaction, change.sourceId, change.keys, event.id);
    if (need !== null) await needs.openEvent(transaction, need, event.id, at);
    if (settles !== null) await needs.settle(transaction, settles);
    return event;
  }

  #row(draft: Draft, timestamp = timestampOf(this.#parts)): Row {
    return { draft, timestamp, at: this.#parts.steady() };
  }
}
