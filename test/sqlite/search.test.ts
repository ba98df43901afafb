import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { append } from "../../src/domain/publish.ts";
import type { SearchQuery, Store } from "../../src/domain/store.ts";
import { copyDatabase } from "../../src/sqlite/backup.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { tempFolder } from "../support/folder.ts";
import { sqlite } from "../support/serve.ts";
import { eventually } from "../support/webhook.ts";

const SEED = Number(process.env.SEED ?? 11);
let state = SEED;
const random = (below: number) => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state % below;
};
const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;

const CHANNELS = ["all", "repo:a", "session:x"];
const TYPES = ["common", "rare"];
const SENDERS = ["s1", "s2", "s3"];
/** Few different characters, so that chance makes what was not written on purpose. */
const CHARACTERS = [
  ..."aAbB \"'*-\n\u0000",
  "ß",
  "é",
  "É",
  "e\u0301",
  "Σ",
  "ς",
  "σ",
  "🦖",
  "İ",
  "日",
  "\ud83d",
];

interface Written {
  id: number;
  payload: string;
  title?: string | undefined;
  channel: string;
  event_type: string;
  session_id: string;
}

const text = (length: number) => Array.from({ length }, () => pick(CHARACTERS)).join("");
/** A few are cut into pieces, wherever that is. */
const payload = (kind: number) =>
  kind === 0
    ? text(40_000).toWellFormed()
    : kind === 1
      ? "🦖🎉🌊".repeat(14_000) + text(3).toWellFormed()
      : text(random(60)).toWellFormed();
const written: Written[] = [];
const path = join(tempFolder(), "data.db");
const open = (file = path) => openStore(file, lockDatabase(file), { now: Date.now });
let store: Store = open();
afterAll(() => store.close());

async function write(count: number): Promise<void> {
  const drafts = Array.from({ length: count }, () => ({
    payload: payload(random(200)),
    title: pick([undefined, undefined, text(8).toWellFormed()]),
    channel: pick(CHANNELS),
    event_type: pick(TYPES),
    session_id: pick(SENDERS),
  }));
  const events = await Promise.all(drafts.map((draft) => append(store, { ...draft, origin: "local" })));
  for (const [i, { id }] of events.entries()) written.push({ id, ...(drafts[i] as (typeof drafts)[number]) });
}

/** Compares character by character, so that no letter is changed by its neighbours. */
const plain = (value: string) =>
  Array.from(value.toWellFormed(), (character) => character.toLowerCase().replace("ς", "σ"));

const plainTexts = new Map<string, string>();
function plainOf(value: string): string {
  const known = plainTexts.get(value) ?? plain(value).join("");
  plainTexts.set(value, known);
  return known;
}

function naive(query: SearchQuery): number[] {
  const found = written.filter(
    ({ id, payload, title = "", channel, event_type, session_id }) =>
      id > (query.after ?? 0) &&
      id < (query.before ?? Number.POSITIVE_INFINITY) &&
      (query.text === undefined ||
        [payload, title].some((one) => plainOf(one).includes(plainOf(query.text ?? "")))) &&
      (query.channel === undefined || query.channel === channel) &&
      (!query.event_types?.length || query.event_types.includes(event_type)) &&
      (query.senders?.includes(session_id) ?? true) &&
      (query.channels?.includes(channel) ?? true),
  );
  if (query.order === "desc") found.reverse();
  return found.slice(0, query.limit).map(({ id }) => id);
}

function aQuery(): SearchQuery {
  const tip = written.length;
  const from = pick(written).payload;
  const at = random(Math.max(1, from.length - 20));
  const length = pick([1 + random(20), 195 + random(20)]);
  return {
    text: pick([undefined, text(1 + random(5)), from.slice(at, at + length).toWellFormed() || undefined]),
    after: pick([undefined, undefined, random(tip + 1)]),
    before: pick([undefined, undefined, random(tip + 2)]),
    limit: pick([0, 1, 7, 60, 5_000]),
    order: pick(["asc", "desc"]),
    channel: pick([undefined, undefined, ...CHANNELS]),
    event_types: pick([undefined, undefined, ["rare"], ["common", "rare"], []]),
    senders: pick([undefined, undefined, ["s1"], ["s2", "s3", "none"], []]),
    channels: pick([undefined, undefined, ["repo:a", "session:x"]]),
    most_bytes: Number.MAX_SAFE_INTEGER,
  };
}

async function compare(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const query = aQuery();
    const { events } = await store.search.find(query);
    expect({ query, ids: events.map(({ id }) => id) }).toEqual({ query, ids: naive(query) });
  }
}

test(`a search finds what a plain look at every event finds, at each state of the index (seed ${SEED})`, async () => {
  await write(1_500);
  await compare(150);
  for (let upTo = 0; upTo < 1_200; ) {
    await compare(20);
    await Bun.sleep(300);
    ({ upTo } = store.search.progress());
  }
  await compare(150);
  await store.close();
  store = open();
  await compare(50);
  await write(700);
  await compare(50);
  await eventually("the index goes on", () => store.search.progress().upTo > 1_900);
  await compare(150);
}, 240_000);

test("the index is sound, and a copy has it too", async () => {
  const { upTo } = store.search.progress();
  const copy = copyDatabase(path, join(tempFolder(), "data.db"));
  for (const file of [path, copy]) {
    const beside = sqlite(file, "SELECT 1");
    expect(beside.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    beside.close();
  }
  await store.close();
  store = open(copy);
  expect(store.search.progress().upTo).toBe(upTo);
  await compare(60);
  await store.close();
  store = open();
});

/** Overwrites the index's list of its own parts, which SQLite lets nobody do. */
function damageIndex(): void {
  const db = sqlite(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  const [[list]] = db.query("SELECT block FROM events_text_data WHERE id = 10").values() as [[Uint8Array]];
  db.close();
  const file = readFileSync(path);
  for (let at = file.indexOf(list); at >= 0; at = file.indexOf(list, at + 1))
    file.fill(0xff, at, at + list.length);
  writeFileSync(path, file);
}

test("an index that cannot be read is done without", async () => {
  await eventually("it is filled", () => store.search.progress().upTo > 1_900);
  await store.close();
  damageIndex();
  store = open();
  await compare(60);
  expect(store.trouble()).toBeNull();
}, 60_000);
