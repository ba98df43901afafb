import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { addressed } from "../../src/domain/delivery_policy.ts";
import type { Event } from "../../src/domain/event.ts";
import { append } from "../../src/domain/publish.ts";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { GroupCommit } from "../../src/sqlite/group_commit.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { tempFolder } from "../support/folder.ts";

function numbers() {
  const path = join(tempFolder(), "numbers.db");
  const db = openDatabase(path);
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 50; CREATE TABLE numbers (n INTEGER PRIMARY KEY)",
  );
  const insert = db.prepare("INSERT INTO numbers (n) VALUES ($n)");
  const beside = new Database(path);
  let commits = 0;
  const counted: typeof db = {
    ...db,
    prepare(sql) {
      const statement = db.prepare(sql);
      if (sql !== "COMMIT") return statement;
      return { ...statement, run: () => [statement.run(), commits++][0] as ReturnType<typeof statement.run> };
    },
  };
  return {
    writer: new GroupCommit(counted, { path, probe: () => insert.run({ n: -1 }), now: Date.now }),
    commits: () => commits,
    insert: (n: number) => insert.run({ n }).lastInsertRowid,
    stored: () => beside.query("SELECT n FROM numbers ORDER BY n").values().flat() as number[],
  };
}

const draft = { event_type: "t", payload: "p", session_id: "s", channel: "all", origin: "local" };

test("concurrent publishes get strictly increasing ids in the order they came, each answered after its commit", async () => {
  const path = join(tempFolder(), "data.db");
  const store = openStore(path, lockDatabase(path), { now: Date.now });
  const beside = new Database(path, { readonly: true });
  const stored = beside.query("SELECT payload FROM events WHERE id = ?");
  const answered: Event[] = [];
  let early = 0;
  const burst = (size: number) =>
    Promise.all(
      Array.from({ length: size }, async (_, i) => {
        const event = await append(store, { ...draft, payload: `${i}` });
        if (stored.values(event.id)[0]?.[0] !== `${i}`) early++;
        answered.push(event);
      }),
    );
  for (const size of [1, 7, 500, 5_000, 64]) await burst(size);
  expect(early).toBe(0);
  expect(answered.map((event) => event.id)).toEqual(Array.from({ length: 5_572 }, (_, i) => i + 1));
  await store.close();
});

test("all writes of one turn share one commit", async () => {
  const { writer, insert, stored, commits } = numbers();
  const writes = Array.from({ length: 1_000 }, (_, n) => writer.write(() => insert(n)));
  expect(stored()).toEqual([]);
  await Promise.all(writes);
  expect(stored()).toHaveLength(1_000);
  expect(commits()).toBe(1);
});

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("writes of many callers that come turn by turn share a commit, which waits for four more turns at most", async () => {
  const { writer, insert, commits } = numbers();
  const writes: Promise<unknown>[] = [];
  const write = () => {
    const n = writes.length;
    writes.push(writer.write(() => insert(n)));
  };
  write();
  for (let turn = 0; turn < 4; turn++) {
    write();
    await nextTurn();
    expect(commits()).toBe(0);
  }
  write();
  await nextTurn();
  expect(commits()).toBe(1);
  await Promise.all(writes);
  expect(commits()).toBe(1);
});

test("a write that comes alone is committed in its turn; two wait for one more turn", async () => {
  const { writer, insert, commits } = numbers();
  for (let n = 1; n < 4; n++) {
    const written = writer.write(() => insert(n));
    await nextTurn();
    expect(commits()).toBe(n);
    await written;
  }
  const two = [writer.write(() => insert(4)), writer.write(() => insert(5))];
  await nextTurn();
  expect(commits()).toBe(3);
  await nextTurn();
  expect(commits()).toBe(4);
  await Promise.all(two);
});

test("a unit that fails is rejected alone, its own writes undone, its neighbours stored once", async () => {
  const { writer, insert, stored } = numbers();
  const failing = () => {
    insert(50);
    throw new Error("no");
  };
  const outcomes = await Promise.allSettled([
    writer.write(() => insert(1)),
    writer.write(failing),
    writer.write(() => insert(2)),
    writer.write(() => insert(2)),
    writer.write(() => insert(3)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ] as const);
  expect(stored()).toEqual([1, 2, 3]);
});

test("a unit that fails alone leaves the writer usable", async () => {
  const { writer, insert, stored } = numbers();
  expect(await writer.write(() => insert(1))).toBe(1);
  await expect(
    writer.write(() => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await writer.write(() => insert(9));
  expect(stored()).toEqual([1, 9]);
});

test("draining waits for everything handed in, also for what a lock holds up", async () => {
  const { writer, insert, stored } = numbers();
  const path = join(tempFolder(), "data.db");
  const store = openStore(path, lockDatabase(path), { now: Date.now });
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  const held = store.append(addressed(draft, await store.webhooks.active()));
  setTimeout(() => other.run("ROLLBACK"), 400);
  let answered = false;
  held.then(() => {
    answered = true;
  });
  await store.close();
  expect(answered).toBe(true);
  expect((await held)?.id).toBe(1);
  void writer.write(() => insert(1));
  await writer.drain();
  expect(stored()).toEqual([1]);
});
