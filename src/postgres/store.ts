import type { Need } from "../domain/need.ts";
import type { Store, Trouble } from "../domain/store.ts";
import type { Tokens } from "../domain/token.ts";
import type { Place } from "./admin.ts";
import { Appender } from "./append.ts";
import { connect, type Pool, statement } from "./connection.ts";
import { DeliveryTable } from "./deliveries.ts";
import { MailTable } from "./direct_messages.ts";
import { EventTable } from "./events.ts";
import { type Followers, followOthers } from "./follow.ts";
import { Health } from "./health.ts";
import { NeedTable } from "./needs.ts";
import { expectUsable, openError } from "./open.ts";
import type { Parts } from "./parts.ts";
import { PostgresPeers } from "./peers.ts";
import { PushTable } from "./pushes.ts";
import { prepare } from "./schema.ts";
import { SearchTable } from "./search.ts";
import { SessionTable } from "./sessions.ts";
import { SourceTable } from "./sources.ts";
import { type OnLoss, Tail } from "./tail.ts";
import { TextIndex } from "./text_index.ts";
import { KnownTokens } from "./tokens.ts";
import type { Changes } from "./transaction.ts";
import { WebhookTable } from "./webhooks.ts";
import { Writer, type WriterOptions } from "./writer.ts";

export interface StoreOptions {
  /** Wall clock (ms). */
  now(): number;
  /** Reads like `now` but never jumps: tells when deliveries are due and too old. */
  steady?(): number;
  /** Name of this machine, and the release of the bus, for people. */
  host?: string;
  version?: string;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?(trouble: Trouble | null): void;
  onLoss?: OnLoss;
}

export interface ServerStore extends Store {
  tokens: Tokens;
  peers: PostgresPeers;
}

/**
 * Opens the database of a `postgres://` URL, which other buses may have open too.
 * @throws OpenError with a one-line reason when it cannot be used.
 */
export async function openStore({ url, shown }: Place, options: StoreOptions): Promise<ServerStore> {
  const pool = connect(url);
  try {
    await expectUsable(pool, shown);
    return await storeOn({ url, pool }, await prepare(pool), options);
  } catch (error) {
    await pool.close();
    throw openError(error, shown);
  }
}

/**
 * A wall clock (ms) that agrees with that of the database, which all buses compare times of deliveries by.
 * @throws OpenError when the database cannot be reached.
 */
export async function clockOf({ url, shown }: Place, now: () => number): Promise<() => number> {
  const pool = connect(url);
  try {
    const [row] = await pool.run(NOW);
    const ahead = Number(row?.ms) - now();
    return () => now() + ahead;
  } catch (error) {
    throw openError(error, shown);
  } finally {
    await pool.close();
  }
}

const NOW = statement("SELECT round(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms");

async function storeOn(
  { url, pool }: { url: string; pool: Pool },
  values: ReadonlyMap<string, string>,
  { now, steady = now, onTrouble, onLoss, host = "", version = "" }: StoreOptions,
): Promise<ServerStore> {
  const health = new Health(pool, now);
  if (onTrouble !== undefined) health.listen(onTrouble);
  const writer: Writer = new Writer(pool, { health, ...tellersOf(() => told) });
  const { index, tail, ...tables } = tablesOf({ pool, writer, now, steady }, onLoss);
  const appender = new Appender({ pool, writer, now, steady }, tables);
  const tokens = new KnownTokens(pool, now);
  const peers = new PostgresPeers({ connection: pool, own: writer.id, host, version });
  const told: Told = { ...tables, tail, tokens, peers, commits: [] };
  await Promise.all([tail.start(), index.start(), tables.sessions.settle(), tokens.read()]);
  const stopFollowing = await followOthers({ url, pool, health }, writer.id, told);
  return {
    id: String(values.get("id")),
    key: Buffer.from(String(values.get("key")), "hex"),
    ...tables,
    tokens,
    peers,
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

function tablesOf(parts: Parts & { pool: Pool; writer: Writer }, onLoss: OnLoss | undefined) {
  const [events, mail, needs, webhooks, pushes] = [
    ...([
      new EventTable(parts),
      new MailTable(parts),
      new NeedTable(parts),
      new WebhookTable(parts),
    ] as const),
    new PushTable(parts),
  ];
  const tail = new Tail(parts.pool, (last, kept) => {
    index.loseFrom(kept);
    webhooks.forget();
    onLoss?.(last, kept);
  });
  const index = new TextIndex(parts.pool, () => tail.newest);
  return {
    ...{ events, mail, needs, webhooks, pushes, index, tail },
    sources: new SourceTable(parts),
    sessions: new SessionTable({ ...parts, events, mail }),
    deliveries: new DeliveryTable({ ...parts, events, webhooks, owner: parts.writer.id }),
    search: new SearchTable({ ...parts, events, index, tip: () => tail.newest }),
  };
}

/** Those who tell of what was committed. */
interface Told extends Followers {
  mail: MailTable;
  webhooks: WebhookTable;
}

/** Tell of what this bus commits. */
function tellersOf(told: () => Told): Pick<WriterOptions, "ending" | "appended"> {
  return {
    async ending(transaction) {
      const changed = transaction.needs.size === 0 ? [] : await told().needs.changedIn(transaction);
      return () => tellOf(transaction, changed, told());
    },
    appended: (changes) => tellOf(changes, [], told()),
  };
}

function tellOf(
  { appended, readers, changesWebhooks }: Changes,
  changed: readonly Need[],
  { tail, mail, needs, webhooks, commits }: Told,
): void {
  if (changesWebhooks) webhooks.forget();
  tail.committed(appended);
  mail.tell(readers);
  needs.tell(changed);
  for (const onCommit of commits) onCommit();
}
