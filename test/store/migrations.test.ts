// Buses of two releases run on one PostgreSQL during an upgrade, so a migration may only add.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS, type Migration } from "../../src/postgres/schema.ts";
import { root } from "../support/bus.ts";

const ROOM = join(root, "src/postgres");

const COLUMN =
  /^ALTER TABLE (\w+) ADD COLUMN (\w+) (?!.*\b(?:UNIQUE|PRIMARY KEY|CHECK|REFERENCES|GENERATED)\b)/;
const TABLE = /^CREATE (?:UNLOGGED )?TABLE (\w+) /;
const INDEX = /^CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) /;
const ROWS = /^INSERT INTO (\w+) /;
const EXTENSION = /^CREATE EXTENSION IF NOT EXISTS \w+$/;

/** Statements that a bus of an earlier release could not live with, or would have to wait for. */
function hardToLiveWith({ text }: Pick<Migration, "text">): string[] {
  const statements = text
    .split(";")
    .map((one) => one.replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " ").trim())
    .filter((one) => one !== "");
  const made = new Set(statements.flatMap((one) => TABLE.exec(one)?.[1] ?? []));
  return statements.filter((one) => {
    if (TABLE.test(one) || EXTENSION.test(one)) return false;
    if (COLUMN.test(one)) return /\bNOT NULL\b/.test(one) && !/\bDEFAULT (?!.*\()/.test(one);
    // An index holds up every write to its table until it is filled.
    return !made.has((INDEX.exec(one) ?? ROWS.exec(one))?.[1] ?? "");
  });
}

describe("migrations of PostgreSQL", () => {
  test("have numbers in order, and say which releases can run beside them", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    for (const [i, { version, least }] of MIGRATIONS.entries()) {
      expect(least).toBeGreaterThanOrEqual(MIGRATIONS[i - 1]?.least ?? 1);
      expect(least).toBeLessThanOrEqual(version);
    }
  });

  test("only add what earlier releases can live with, unless they say that these cannot", () => {
    const beside = MIGRATIONS.filter(({ version, least }) => least < version || version === 1);
    expect(beside.flatMap(hardToLiveWith)).toEqual([]);
  });

  test.each([
    "ALTER TABLE events DROP COLUMN origin",
    "ALTER TABLE events RENAME COLUMN origin TO source",
    "ALTER TABLE events ADD COLUMN mood text NOT NULL",
    "ALTER TABLE events ADD COLUMN mood text NOT NULL DEFAULT random()::text",
    "ALTER TABLE events ADD COLUMN mood text UNIQUE",
    "ALTER TABLE events ALTER COLUMN origin SET NOT NULL",
    "CREATE INDEX events_by_origin ON events (origin)",
    "INSERT INTO events (id) VALUES (1)",
    "UPDATE events SET origin = 'x'",
    "DROP TABLE pushes",
  ])("%s would be found", (text) => {
    expect(hardToLiveWith({ text })).toEqual([text]);
  });

  test("what adds is not found", () => {
    const text = `ALTER TABLE events ADD COLUMN mood text; ALTER TABLE needs ADD COLUMN size integer NOT NULL DEFAULT 0;
      CREATE TABLE moods (name text PRIMARY KEY); CREATE INDEX moods_by_name ON moods (name); INSERT INTO moods VALUES ('calm')`;
    expect(hardToLiveWith({ text })).toEqual([]);
  });

  test("a statement names its columns: a new one would break those that a connection has prepared", () => {
    const all = readdirSync(ROOM).filter((file) =>
      /\b(?:SELECT|RETURNING) \*(?! FROM unnest)/.test(readFileSync(join(ROOM, file), "utf8")),
    );
    expect(all).toEqual([]);
  });
});
