import { randomBytes } from "node:crypto";
import type { Store, Trouble } from "../domain/store.ts";
import { type Announcement, CHANNEL, parseAnnouncement } from "./announcement.ts";
import { Appender } from "./append.ts";
import { connect, type Pool } from "./connection.ts";
import { DeliveryTable } from "./deliveries.ts";
import { MailTable } from "./direct_messages.ts";
import { EventTable } from "./events.ts";
import { Health } from "./health.ts";
import { Listener } from "./listener.ts";
import { NeedTable } from "./needs.ts";
import type { Parts } from "./parts.ts";
import { PushTable } from "./pushes.ts";
import { migrate } from "./schema.ts";
import { SearchTable } from "./search.ts";
import { SessionTable } from "./sessions.ts";
import { SourceTable } from "./sources.ts";
import { Tail } from "./tail.ts";
import { TextIndex } from "./text_index.ts";
import type { Transaction } from "./transaction.ts";
import { WebhookTable } from "./webhooks.ts";
import { Writer } from "./writer.ts";

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
    return await storeOn({ url, pool }, await migrate(pool, made), options);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function storeOn(
  { url, pool }: { url: string; pool: Pool },
  values: ReadonlyMap<string, string>,
  { now, steady = now, onTrouble }: StoreOptions,
): Promise<Store> {
  const tail = new Tail(pool);
  const health = new Health(pool, { now, onTrouble });
  const writer: Writer = new Writer(pool, { health, ending: (transaction) => endingOf(transaction, told) });
  const { index, ...tables } = tablesOf({ pool, writer, now, steady }, tail);
  const appender = new Appender({ pool, writer, now, steady }, tables);
  const told: Told = { ...tables, tail, commits: [] };
  tail.start(await tables.events.newest(pool));
  await index.start();
  await tables.sessions.settle();
  const stopFollowing = await followOthers(url, writer.id, told);
  return {
    id: String(values.get("id")),
    key: Buffer.from(String(values.get("key")), "hex"),
    ...tables,
    append: (draft) => appender.append(draft),
    register: (decide) => appender.register(decide),
    listen: (onEvent) => tail.listen(onEvent),
    listenCommits: (onCommit) => void told.commits.push(onCommit),
    backup: null,
    trouble: () => health.trouble(),
    limitPatience: () => {},
    async close() {
      await stopFollowing();
      health.stop();
      await index.stop();
      await writer.drain();
      await pool.close();
      return null;
    },
  };
}

function tablesOf(parts: Parts & { pool: Pool; writer: Writer }, tail: Tail) {
  const [events, mail, needs, webhooks, pushes] = [
    ...([
      new EventTable(parts),
      new MailTable(parts),
      new NeedTable(parts),
      new WebhookTable(parts),
    ] as const),
    new PushTable(parts),
  ];
  const index = new TextIndex(parts.pool, () => tail.newest);
  return {
    ...{ events, mail, needs, webhooks, pushes, index },
    sources: new SourceTable(parts),
    sessions: new SessionTable({ ...parts, events, mail }),
    deliveries: new DeliveryTable({ ...parts, events, webhooks, owner: parts.writer.id }),
    search: new SearchTable({ ...parts, events, index, tip: () => tail.newest }),
  };
}

/** Those who tell of what was committed. */
interface Told {
  tail: Tail;
  mail: MailTable;
  needs: NeedTable;
  webhooks: WebhookTable;
  commits: (() => void)[];
}

/** Reads at the end of a transaction what is told of it after its commit. */
async function endingOf(
  transaction: Transaction,
  { tail, mail, needs, webhooks, commits }: Told,
): Promise<() => void> {
  const changed = transaction.needs.size === 0 ? [] : await needs.changedIn(transaction);
  return () => {
    if (transaction.changesWebhooks) webhooks.forget();
    tail.committed(transaction);
    mail.tell(transaction.readers);
    needs.tell(changed);
    for (const onCommit of commits) onCommit();
  };
}

/** Tells of what other buses commit, in the order of their commits. Returns how to stop. */
async function followOthers(
  url: string,
  own: string,
  { tail, mail, needs, commits }: Told,
): Promise<() => Promise<void>> {
  const follow = async (announced: Announcement | undefined) => {
    await tail.catchUp();
    mail.tell(announced?.readers ?? []);
    await needs.tellOf(announced?.needs).catch(() => {});
    for (const onCommit of commits) onCommit();
  };
  let followed: Promise<void> = Promise.resolve();
  const listener = new Listener(url, CHANNEL, (text) => {
    // Without a text, some were lost.
    const announced = text === undefined ? undefined : parseAnnouncement(text);
    if (announced?.by !== own) followed = followed.then(() => follow(announced));
  });
  await listener.start();
  const looking = setInterval(() => tail.catchUp(), LOOK_MS);
  looking.unref();
  return async () => {
    clearInterval(looking);
    await listener.close();
  };
}
