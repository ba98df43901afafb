// The compiled program moves a bus from a file to PostgreSQL and back, with everything and nothing else.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TABLES } from "../../src/domain/moving.ts";
import { damage } from "../support/admin.ts";
import { type Kind, startBus } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { bytesIn, dumpOfFile, dumpOfServer, migrate, TEXTS, writeFull } from "../support/moving.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, selectedBy, startPostgres } from "../support/postgres.ts";
import { sqlite } from "../support/serve.ts";

let server: Server;

beforeAll(async () => {
  if (noPostgres === null) server = await startPostgres(await freePort());
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

function full(events = 0): string {
  const path = join(tempFolder(), "data.db");
  writeFull(path, events);
  return path;
}

async function moved(from: string, to: string, kind: Kind = "binary"): Promise<string> {
  const { code, stdout, stderr } = await migrate(from, to, kind);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

const shownOf = (url: string) => `postgres://${new URL(url).host}${new URL(url).pathname}`;

describe.skipIf(noPostgres !== null)("migrate", () => {
  test.each(["binary", "node"] as const)(
    "from a file to PostgreSQL, back, and there again: every row, id and token is the same (%s)",
    async (kind) => {
      const [first, back] = [full(2_000), join(tempFolder(), "back.db")];
      const [there, again] = [await server.database(), await server.database()];
      const [before, bytes] = [dumpOfFile(first), bytesIn(dirname(first))];
      const told = await moved(first, there, kind);
      expect(bytesIn(dirname(first))).toEqual(bytes);
      for (const { name } of TABLES) expect(told).toMatch(new RegExp(`^${name} +\\d+ +[0-9a-f]{16}$`, "m"));
      expect(told).toMatch(/^events +2011 /m);
      expect(told).toContain(`AGENT_EVENT_BUS_DB=${there}`);
      expect(told).toContain("agent-event-bus start");
      const dump = dumpOfServer(there);
      await moved(there, back, kind);
      expect(dumpOfServer(there)).toEqual(dump);
      expect(dumpOfFile(back)).toEqual(before);
      expect(readdirSync(dirname(back)).sort()).toEqual(["back.db", "back.db.lock", "back.db.tokens"]);
      await moved(back, again);
      expect(dumpOfServer(again)).toEqual(dump);
      for (const rows of Object.values(dump)) expect(rows).not.toEqual([]);
    },
  );

  test("keeps texts that PostgreSQL has no characters for, and the numbers that were given out", async () => {
    const there = await server.database();
    await moved(full(), there);
    const payloads = selectedBy(there, "SELECT payload FROM events WHERE event_type = 'odd' ORDER BY id", []);
    expect(payloads).toHaveLength(TEXTS.length);
    expect(selectedBy(there, "SELECT last FROM sequencer", [])).toEqual([{ last: 2_018 }]);
    const bus = await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: there } });
    const { events } = await bus.call("get_events", { event_types: ["odd"], cursor: 0, order: "asc" });
    expect(events.map(({ payload }: { payload: string }) => payload)).toEqual(TEXTS);
    expect(await bus.call("publish_event", { event_type: "t", payload: "p" })).toMatchObject({
      event_id: 2_019,
    });
    const { webhook_id } = await bus.call("register_webhook", { url: "https://example.com/" });
    expect(webhook_id).toBe(1_003);
    await bus.stop();
    const { code, stdout } = await cli(["check", "--db", there]);
    expect(stdout).toContain("every id is there");
    expect(code).toBe(0);
  });

  test("a bus goes on where it was, there and back: cursors, messages, claims, tokens", async () => {
    const folder = tempFolder();
    const db = join(folder, "data.db");
    const first = await startBus("binary", { folder });
    const here = { cwd: "/a", repo: "a", machine: "m" };
    const session = await first.call("register_session", { ...here, name: "api", client_id: "c-1" });
    const id = session.session_id;
    await first.call("get_events", { session_id: id, resume: true });
    const message = { event_type: "t", payload: "for you\0", channel: `session:${id}` };
    const sent = await first.call("publish_event", message);
    const made = (await cli(["token", "create", "laptop", "--db", db, "--json"])).json();
    await first.stop();
    const there = await server.database();
    await moved(db, there);

    const second = await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: there } });
    const again = await second.call("register_session", { ...here, name: "api", client_id: "c-1" });
    expect(again).toMatchObject({ session_id: id, resumed: true });
    const read = await second.call("get_events", { session_id: id, resume: true, order: "asc" });
    expect(read.events).toMatchObject([{ id: sent.event_id, payload: "for you\0" }]);
    const answer = await fetch(new URL("/api/sessions", second.url), {
      headers: { authorization: `Bearer ${made.token}` },
    });
    expect(answer.status).toBe(200);
    const later = await second.call("publish_event", { event_type: "t", payload: "later" });
    expect(later.event_id).toBeGreaterThan(sent.event_id);
    await second.stop();

    const back = join(tempFolder(), "new", "back.db");
    await moved(there, back);
    const third = await startBus("binary", { db: null, args: ["--db", back] });
    const rest = await third.call("get_events", { session_id: id, resume: true, order: "asc" });
    expect(rest.events.map((event: { id: number }) => event.id)).toEqual([later.event_id]);
    const last = await third.call("publish_event", { event_type: "t", payload: "last" });
    expect(last.event_id).toBe(later.event_id + 1);
    await third.stop();
    expect((await cli(["token", "list", "--db", back, "--json"])).json()).toMatchObject([{ name: "laptop" }]);
    expect((await cli(["check", "--db", back])).code).toBe(0);
  });

  test("--json tells the tables, and a terminal shows a bar", async () => {
    const [db, there] = [full(3_000), await server.database()];
    const result = (await migrate(db, there, "binary", "--json")).json();
    expect(result).toMatchObject({ from: db, to: shownOf(there), rows: expect.any(Number) });
    expect(result.tables.map(({ table }: { table: string }) => table)).toEqual(
      TABLES.map(({ name }) => name),
    );
    const back = join(tempFolder(), "back.db");
    const shown = await cliOnTerminal(["migrate", "--to", back], {
      env: { AGENT_EVENT_BUS_DB: there },
      columns: 80,
    });
    expect(shown).toContain("\x1b[1A\x1b[2Kcomparing bus ");
    expect(shown).toMatch(/comparing bus +#{12} 100 % \d+ of \d+ rows, \d+ rows\/s/);
    // What is to be typed is in one piece, however long.
    const prose = Bun.stripANSI(shown)
      .split(/\r?\n/)
      .filter((line) => !line.startsWith("   "));
    for (const line of prose) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("every column of both schemas is moved, or is of its engine alone", async () => {
    const there = await server.database();
    const db = full();
    await moved(db, there);
    const known = new Set(
      TABLES.flatMap(({ name, columns }) => Object.keys(columns).map((one) => `${name}.${one}`)),
    );
    const file = new Database(db, { readonly: true });
    const inFile = file
      .query(`SELECT m.name || '.' || c.name AS name FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.rootpage > 0 AND m.name NOT LIKE 'events_text%' AND m.name NOT LIKE 'sqlite_%'`)
      .all() as { name: string }[];
    const onServer = selectedBy(
      there,
      "SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public'",
      [],
    ) as { name: string }[];
    const left = (rows: { name: string }[]) =>
      rows
        .map(({ name }) => name)
        .filter((name) => !known.has(name))
        .sort();
    expect(left(inFile)).toEqual(["schema_version.version"]);
    expect(left(onServer)).toEqual(
      [
        ...["buses.host", "buses.id", "buses.port", "buses.until", "buses.version"],
        ...["deliveries.lease_owner", "deliveries.lease_until", "events_text.id", "events_text.text"],
        ...[
          "holds.bus",
          "holds.key",
          "holds.until",
          "holds.value",
          "schema_version.least",
          "schema_version.version",
        ],
        ...["sequencer.last", "sequencer.one", "sequencer.revision"],
      ].sort(),
    );
  });
});

describe.skipIf(noPostgres !== null)("a target that a bus has only made its tables in", () => {
  async function made(): Promise<string> {
    const there = await server.database();
    await (await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: there } })).stop();
    return there;
  }

  test("is filled", async () => {
    const [db, there, other] = [full(), await made(), await server.database()];
    await moved(db, there);
    await moved(db, other);
    expect(dumpOfServer(there)).toEqual(dumpOfServer(other));
  });

  test("and whose server is lost at the last moment: the end is unknown, and the next move tells", async () => {
    const [db, there] = [full(), await made()];
    await onServer(
      there,
      "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$",
    );
    await onServer(
      there,
      "CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON bus DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()",
    );
    const { code, stderr } = await migrate(db, there);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("the move may be complete. Run it again to find out."),
    ]);
    await onServer(there, "DROP TRIGGER lose ON bus");
    await moved(db, there);
  });
});

describe.skipIf(noPostgres !== null)("migrate refuses, and changes nothing,", () => {
  async function refused(from: string, to: string): Promise<string> {
    const { code, stdout, stderr } = await migrate(from, to);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toStartWith("agent-event-bus: ");
    return stderr;
  }

  test("while a bus runs, on either side", async () => {
    const [db, there] = [full(), await server.database()];
    const other = await server.database();
    await moved(full(), other);
    const onFile = await startBus("binary", { db: null, args: ["--db", db] });
    expect(await refused(db, there)).toMatch(/The bus runs \(process \d+\), and a move needs it stopped/);
    await onFile.stop();
    const onServer = await startBus("binary", { db: null, env: { AGENT_EVENT_BUS_DB: other } });
    const back = join(tempFolder(), "back.db");
    const told = new RegExp(
      `Buses have ${shownOf(other)} open \\(.*:${onServer.port}\\), and a move needs them stopped`,
    );
    expect(await refused(other, back)).toMatch(told);
    expect(await refused(db, other)).toMatch(told);
    expect(existsSync(back)).toBe(false);
    await onServer.stop();
  });

  test("a target that holds data, by its name", async () => {
    const [first, second] = [full(), full()];
    const there = await server.database();
    await moved(first, there);
    const dump = dumpOfServer(there);
    expect(await refused(first, there)).toContain(
      `${shownOf(there)} holds the data of this bus already (11 events, `,
    );
    sqlite(second, "UPDATE bus SET value = 'another' WHERE key = 'id'").close(true);
    expect(await refused(second, there)).toContain(
      `${shownOf(there)} holds the data of another bus (11 events, `,
    );
    expect(dumpOfServer(there)).toEqual(dump);
    const bytes = bytesIn(dirname(second));
    expect(await refused(there, second)).toContain(`${second} holds the data of another bus (11 events, `);
    expect(bytesIn(dirname(second))).toEqual(bytes);
    const text = join(tempFolder(), "notes.txt");
    writeFileSync(text, "notes");
    expect(await refused(there, text)).toContain(`${text} exists already`);
  });

  test("tokens of another bus beside the new file, and takes those of a killed move", async () => {
    const there = await server.database();
    const db = full();
    await moved(db, there);
    const back = join(tempFolder(), "back.db");
    await cli(["token", "create", "stranger", "--db", back]);
    expect(await refused(there, back)).toContain(`${back}.tokens holds tokens of another bus`);
    const other = join(tempFolder(), "other.db");
    const dead = Bun.spawnSync(["true"]).pid;
    for (const left of [other, `${other}.${dead}.partial`])
      Bun.spawnSync(["cp", "-r", `${db}.tokens`, `${left}.tokens`]);
    writeFileSync(`${other}.${dead}.partial`, "half of a database");
    await moved(there, other);
    expect(dumpOfFile(other)).toEqual(dumpOfFile(db));
    expect(readdirSync(dirname(other)).sort()).toEqual(["other.db", "other.db.lock", "other.db.tokens"]);
  });

  test("what is not a bus of this release", async () => {
    const [empty, there] = [await server.database(), await server.database()];
    const back = join(tempFolder(), "back.db");
    expect(await refused(empty, back)).toContain(`${shownOf(empty)} holds no data of a bus`);
    const db = full();
    sqlite(db, "UPDATE schema_version SET version = 16").close(true);
    expect(await refused(db, there)).toContain("is of an earlier release (schema version 16)");
    expect(await refused(join(tempFolder(), "none.db"), there)).toContain("There is no database at");
    const text = join(tempFolder(), "text.db");
    writeFileSync(text, "no database ".repeat(1_000));
    expect(await refused(text, there)).toContain(
      `${text} cannot be read: not an SQLite database. Name the bus's`,
    );
    const damaged = full(2_000);
    damage(damaged);
    expect(await refused(damaged, there)).toContain(`${damaged} is corrupt`);
    expect(dumpOfServer(there)).toEqual({ sequences: [] });
    await moved(full(), there);
    await onServer(there, "DELETE FROM schema_version WHERE version > 1");
    expect(await refused(there, back)).toContain("is of an earlier release (schema version 1)");
    const foreign = await server.database();
    await onServer(foreign, "CREATE TABLE events (id integer)");
    expect(await refused(full(), foreign)).toContain("holds tables of another program");
    expect(
      selectedBy(foreign, "SELECT count(*) AS count FROM pg_tables WHERE schemaname = 'public'", []),
    ).toEqual([{ count: 1 }]);
  });

  test("two files, two servers, a server that is away, and a password that others could see", async () => {
    const [db, there] = [full(), await server.database()];
    expect(await refused(db, join(tempFolder(), "copy.db"))).toContain("agent-event-bus backup FILE");
    expect(await refused(there, await server.database())).toContain("pg_dump");
    const away = `postgres://bus@127.0.0.1:${await freePort()}/bus`;
    expect(await refused(db, away)).toContain("cannot be reached");
    const secret = there.replace("bus@", "bus:s3cr3t@");
    const told = await refused(db, secret);
    expect(told).toContain("--to has a password, which other users of this machine could see");
    expect(told).not.toContain("s3cr3t");
    expect(dumpOfServer(there)).toEqual({ sequences: [] });
  });

  test("a text that PostgreSQL cannot index, by its table and id", async () => {
    const [db, there] = [full(), await server.database()];
    const file = new Database(db);
    const long = Buffer.from(crypto.getRandomValues(new Uint8Array(6_000))).toString("hex");
    file.run("UPDATE events SET correlation_id = ? WHERE id = 1006", [long]);
    file.close();
    expect(await refused(db, there)).toMatch(
      /cannot index a text of over 2,700 bytes in events, between id 1 and 1018/,
    );
    expect(dumpOfServer(there)).toEqual({ sequences: [] });
  });

  test("a password from a file works, and is shown nowhere", async () => {
    const there = await server.database();
    const [user, password] = ["guarded", "p-4-ss-w0rd"];
    await onServer(there, `CREATE ROLE ${user} LOGIN SUPERUSER PASSWORD '${password}'`);
    const pass = join(tempFolder(), "pass");
    writeFileSync(pass, `127.0.0.1:*:*:${user}:${password}\n`, { mode: 0o600 });
    const to = there.replace("bus@", `${user}@`);
    const ran = await cli(["migrate", "--to", to], {
      env: { AGENT_EVENT_BUS_DB: full(), PGPASSFILE: pass },
    });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).not.toContain(password);
    const home = tempFolder();
    const data = join(home, ".claude/contrib/agent-event-bus");
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "settings.env"), `AGENT_EVENT_BUS_DB=${to.replace("@", `:${password}@`)}\n`, {
      mode: 0o600,
    });
    const back = await cli(["migrate", "--to", join(home, "back.db"), "--json"], { env: { HOME: home } });
    expect([back.code, back.stderr]).toEqual([0, ""]);
    expect(back.stdout).not.toContain(password);
  });
});
