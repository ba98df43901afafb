import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { databaseWith, onFiles } from "../support/admin.ts";
import { binary } from "../support/binary.ts";
import { startBus, type TestBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { contents, moments, writeOriginal } from "../support/original.ts";
import { sha256 } from "../support/serve.ts";
import { eventually } from "../support/webhook.ts";

const PREFILLED = 50_000;

/** Eight connections that publish as fast as they get answers. */
class Publishers {
  readonly acknowledged: { id: number; began: number; at: number }[] = [];
  #running = true;
  readonly #ended: Promise<unknown>;

  constructor(bus: TestBus) {
    this.#ended = Promise.all(Array.from({ length: 8 }, () => this.#publish(bus)));
  }

  async #publish(bus: TestBus): Promise<void> {
    while (this.#running) {
      const began = performance.now();
      const { event_id: id } = await bus.call("publish_event", { event_type: "t", payload: "x" });
      this.acknowledged.push({ id, began, at: performance.now() });
    }
  }

  /** Publishes of that time, and how long they took. */
  between(from: number, to: number): { perSecond: number; count: number; slowest: number } {
    const some = this.acknowledged.filter(({ began, at }) => at >= from && began <= to);
    const slowest = Math.max(...some.map(({ began, at }) => at - began));
    return { perSecond: Math.round((some.length * 1000) / (to - from)), count: some.length, slowest };
  }

  async end(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }
}

interface Held {
  integrity: string;
  ids: Set<number>;
  tip: number;
  mode: string;
}

function held(copy: string): Held {
  const db = new Database(copy, { readonly: true });
  try {
    const ids = db.query("SELECT id FROM events ORDER BY id").values().flat() as number[];
    const integrity = db.query("PRAGMA integrity_check").values().flat().join();
    return { integrity, ids: new Set(ids), tip: ids.at(-1) ?? 0, mode: modeOf(copy) };
  } finally {
    db.close();
  }
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

test("a backup taken under eight publishers is whole and holds every event acknowledged before it", async () => {
  const db = await databaseWith(PREFILLED);
  const bus = await startBus("binary", { folder: join(db, "..") });
  const publishers = new Publishers(bus);
  const start = performance.now();
  await Bun.sleep(1_500);

  const began = performance.now();
  const before = publishers.acknowledged.map(({ id }) => id);
  const copy = join(tempFolder(), "copy.db");
  const { code, stderr } = await onFiles("backup", copy, "--db", db);
  const ended = performance.now();
  await publishers.end();

  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { integrity, ids, tip, mode } = held(copy);
  const during = publishers.between(began, ended);
  const earlier = publishers.between(start, began);
  console.log(
    `backup of ${ids.size} events: ${before.length} acknowledged before it began, ${Math.round(ended - began)} ms; publishes/s ${during.perSecond} during it, ${earlier.perSecond} before; slowest publish ${during.slowest.toFixed(1)} ms during it, ${earlier.slowest.toFixed(1)} ms before`,
  );
  expect(integrity).toBe("ok");
  expect(mode).toBe("600");
  expect(before.length).toBeGreaterThan(0);
  expect(before.filter((id) => !ids.has(id))).toEqual([]);
  expect(ids.size).toBe(tip);
  expect(tip).toBeGreaterThanOrEqual(PREFILLED + before.length);
  // Eight calls are under way in any case. More of them mean that the bus went on answering.
  expect(during.count).toBeGreaterThan(16);
  expect(await bus.stop()).toBe(0);
});

test("neither the database nor its log of writes is touched, while the bus runs, after a kill and after a stop", async () => {
  const bus = await startBus("binary");
  for (let i = 0; i < 50; i++) await bus.call("publish_event", { event_type: "t", payload: `${i}` });
  const files = [bus.db, `${bus.db}-wal`];
  const seen = () =>
    files.map((file) => `${sha256(file)} ${statSync(file, { throwIfNoEntry: false })?.mtimeMs}`);
  const copied = async (name: string) => {
    const before = seen();
    const copy = join(bus.folder, name);
    expect((await onFiles("backup", copy, "--db", bus.db)).stderr).toBe("");
    return { before, after: seen(), events: held(copy).ids.size };
  };

  expect(statSync(`${bus.db}-wal`).size).toBeGreaterThan(0);
  const running = await copied("running.copy");
  expect(running.after).toEqual(running.before);
  await bus.kill();
  const killed = await copied("killed.copy");
  expect(killed.after).toEqual(killed.before);
  expect(await (await startBus("binary", { folder: bus.folder })).stop()).toBe(0);
  const stopped = await copied("stopped.copy");
  expect(stopped.after[0]).toBe(stopped.before[0] as string);
  // A reader of a stopped database leaves an empty log of writes.
  expect(statSync(`${bus.db}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  expect([running.events, killed.events, stopped.events]).toEqual([50, 50, 50]);
});

test.each(["000", "022", "777"])("a backup is for its owner only under umask %s", async (umask) => {
  const db = await databaseWith(10);
  const copy = join(tempFolder(), "copy.db");
  const ran = Bun.spawnSync([
    "sh",
    "-c",
    `umask ${umask}; exec "$0" backup "$1" --db "$2"`,
    binary,
    copy,
    db,
  ]);
  expect(ran.stderr.toString()).toBe("");
  expect(modeOf(copy)).toBe("600");
});

test("a killed backup leaves only a partial file, and the next one succeeds", async () => {
  const db = await databaseWith(30_000);
  const folder = tempFolder();
  const copy = join(folder, "copy.db");
  // A copy that is whole before the kill arrives does not count.
  let killed = false;
  for (let i = 0; i < 20 && !killed; i++) {
    for (const name of readdirSync(folder)) Bun.spawnSync(["rm", join(folder, name)]);
    const child = Bun.spawn([binary, "backup", copy, "--db", db], { stdout: "ignore", stderr: "ignore" });
    await eventually("the copy begins", () => readdirSync(folder).length > 0, 30_000);
    child.kill("SIGKILL");
    await child.exited;
    killed = !existsSync(copy);
  }
  expect(readdirSync(folder).filter((name) => !/^copy\.db\.\d+\.partial(-journal)?$/.test(name))).toEqual([]);

  const again = await onFiles("backup", copy, "--db", db);
  expect(again.stderr).toBe("");
  expect(again.code).toBe(0);
  expect(readdirSync(folder)).toEqual(["copy.db"]);
  expect(held(copy).ids.size).toBe(30_000);
});

test("two backups to the same file at once leave one whole copy", async () => {
  const db = await databaseWith(30_000);
  const folder = tempFolder();
  const copy = join(folder, "copy.db");
  const ran = await Promise.all([1, 2].map(() => onFiles("backup", copy, "--db", db)));
  const refused = ran.filter(({ code }) => code !== 0);
  expect(refused.length).toBeLessThan(2);
  for (const { stderr } of refused) expect(stderr).toMatch(/exists already/);
  expect(readdirSync(folder)).toEqual(["copy.db"]);
  expect(held(copy)).toMatchObject({ integrity: "ok", tip: 30_000 });
});

test("a database of the original is copied as it is", async () => {
  const folder = tempFolder();
  const db = join(folder, "data.db");
  writeOriginal(db, 5, "Europe/Berlin", moments(2_000));
  const sum = sha256(db);
  const copy = join(folder, "copy.db");
  const { stdout, code } = await onFiles("backup", copy, "--db", db, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ schema_version: 5, events: 2_000, sessions: 40, webhooks: 4 });
  expect(contents(copy)).toEqual(contents(db));
  expect(sha256(db)).toBe(sum);
});

test("--json prints one document that says what was copied", async () => {
  const db = await databaseWith(20);
  const copy = join(tempFolder(), "copy.db");
  const ran = await onFiles("backup", copy, "--db", db, "--json");
  expect(ran.json()).toEqual({
    file: copy,
    bytes: statSync(copy).size,
    integrity: "ok",
    schema_version: expect.any(Number),
    events: 20,
    sessions: 0,
    webhooks: 0,
    pending_deliveries: 0,
    milliseconds: expect.any(Number),
  });
});

describe("names", () => {
  const NAMES = [
    "with space",
    "it's",
    'quo"te',
    "ünï 漢字 🦖",
    "semi;colon $HOME `id`",
    "100%.db?mode=memory#x",
    "file:x.db?mode=ro",
    ":memory:",
    "back\\slash",
    "new\nline",
  ];

  test.each(NAMES)(
    "%j may be the copy's, relative to where one is, and its database's folder's",
    async (name) => {
      const folder = join(tempFolder(), name);
      mkdirSync(folder);
      const db = await databaseWith(10, folder);
      const ran = await cli(["backup", `./${name}`, "--db", "data.db"], { kind: "binary", cwd: folder });
      expect(ran.stderr).toBe("");
      expect(held(join(folder, name)).ids.size).toBe(10);
      expect(readdirSync(folder).filter((file) => file !== name && !file.startsWith(basename(db)))).toEqual(
        [],
      );
    },
  );

  test("one that begins with a dash follows --", async () => {
    const db = await databaseWith(10);
    const folder = tempFolder();
    const ran = await cli(["backup", "--db", db, "--", "-copy.db"], { kind: "binary", cwd: folder });
    expect(ran.stderr).toBe("");
    expect(held(join(folder, "-copy.db")).ids.size).toBe(10);
  });
});
