import { randomBytes } from "node:crypto";
import type { Store, Trouble } from "../domain/store.ts";
import { Appender } from "./append.ts";
import { connect, type Pool } from "./connection.ts";
import { DeliveryTable } from "./deliveries.ts";
import { MailTable } from "./direct_messages.ts";
import { EventTable } from "./events.ts";
import { Health } from "./health.ts";
import { NeedTable } from "./needs.ts";
import { PushTable } from "./pushes.ts";
import { migrate } from "./schema.ts";
import { SearchTable } from "./search.ts";
import { SessionTable } from "./sessions.ts";
import { Tail } from "./tail.ts";
import { TextIndex } from "./text_index.ts";
import { WebhookTable } from "./webhooks.ts";
import { CHANNEL, Writer } from "./writer.ts";

export interface StoreOptions {
  /** Wall clock (ms). */
  now(): number;
  /** Reads like `now` but never jumps: tells when deliveries are due and too old. */
  steady?(): number;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?(trouble: Trouble | null): void;
}

/** Reads what other buses wrote so often (ms), in case a notification was lost. */
const LOOK_MS = 2_000;

/**
 * Opens the database of a `postgres://` URL, which other buses may have open too.
 * @throws Error when it cannot be reached, or a newer release has changed it.
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const pool = connect(url);
  try {
    const made = { id: randomBytes(4).toString("hex"), key: randomBytes(32).toString("hex") };
    return await storeOn(pool, await migrate(pool, made), options);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function storeOn(
  pool: Pool,
  values: ReadonlyMap<string, string>,
  { now, steady = now, onTrouble }: StoreOptions,
): Promise<Store> {
  const tail = new Tail(pool);
  const commitListeners: (() => void)[] = [];
  const health = new Health(pool, { now, onTrouble });
  const writer = new Writer(pool, {
    health,
    async ending(transaction) {
      const changed = transaction.needs.size === 0 ? [] : await needs.changedIn(transaction);
      return () => {
        if (transaction.changesWebhooks) webhooks.forget();
        tail.committed(transaction);
        mail.committed(transaction);
        needs.tell(changed);
        for (const listener of commitListeners) listener();
      };
    },
  });
  const parts = { pool, writer, now, steady };
  const [events, mail, needs, pushes] = [
    ...([new EventTable(parts), new MailTable(parts), new NeedTable(parts), new PushTable(parts)] as const),
  ];
  const webhooks = new WebhookTable(parts);
  const index = new TextIndex(pool, () => tail.newest);
  const sessions = new SessionTable({ ...parts, events, mail });
  const deliveries = new DeliveryTable({ ...parts, events, webhooks, owner: writer.id });
  const search = new SearchTable({ ...parts, events, index, tip: () => tail.newest });
  const appender = new Appender(parts, { sessions, mail, needs, webhooks, deliveries });
  tail.start(await events.newest(pool));
  await index.start();
  await pool.listen(CHANNEL, async (by) => {
    if (by === writer.id) return;
    await tail.catchUp();
    for (const listener of commitListeners) listener();
  });
  const looking = setInterval(() => tail.catchUp(), LOOK_MS);
  looking.unref();
  return {
    id: String(values.get("id")),
    key: Buffer.from(String(values.get("key")), "hex"),
    ...{ events, search, sessions, mail, pushes, needs, webhooks, deliveries },
    append: (draft) => appender.append(draft),
    register: (decide) => appender.register(decide),
    listen: (onEvent) => tail.listen(onEvent),
    listenCommits: (onCommit) => void commitListeners.push(onCommit),
    backup: null,
    trouble: () => health.trouble(),
    limitPatience: () => {},
    async close() {
      clearInterval(looking);
      health.stop();
      await index.stop();
      await writer.drain();
      await pool.close();
      return null;
    },
  };
}
