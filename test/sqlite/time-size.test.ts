import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/runtime/runtime.ts";
import { lockDatabase, openFile } from "../../src/sqlite/open.ts";
import { MIGRATIONS } from "../../src/sqlite/schema.ts";
import { startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { contents, rowsOf } from "../support/original.ts";
import { timesIn } from "../support/times.ts";

const WIRE = "2026-11-28T22:10:56.123Z";
const STORED = "2026-11-28T22:10:56.123+00:00";

test("a million times of version 9 are converted at the first start, after a copy, and the wire shows the same", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  const db = openDatabase(path);
  db.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (9)");
  for (const { version, apply } of MIGRATIONS) if (version <= 9) apply(db);
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
    INSERT INTO events (event_type, payload, session_id, timestamp, channel)
    SELECT 'note', 'payload ' || i, 's', strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch'), 'all' FROM n;
    INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat, lease_until)
      VALUES ('s', 'brave-trex', 'n', 'm', '/', 'r', '${WIRE}', '${WIRE}', '${WIRE}');
    INSERT INTO webhooks (url, created_at, last_success) VALUES ('http://127.0.0.1:1/', '${WIRE}', '${WIRE}');
    INSERT INTO claims VALUES ('api', 's', '${WIRE}');
    INSERT INTO mail (recipient, event_id, offered_at, seen_at) VALUES ('s', 1, '${WIRE}', NULL)`);
  db.close();
  const before = contents(path);

  const began = performance.now();
  const opened = openFile(path, Date.now, lockDatabase(path));
  console.log(`a million times converted in ${Math.round(performance.now() - began)} ms, with the copy`);
  opened.db.close();
  opened.lock.release();
  expect(new Set(timesIn(path).map((time) => time.slice(-6)))).toEqual(new Set(["+00:00"]));
  expect(rowsOf(path, "mail")).toMatchObject([{ offered_at: STORED, seen_at: null, acked_at: null }]);
  expect(
    contents(join(folder, readdirSync(folder).find((name) => name.includes(".backup-v9-")) ?? "")),
  ).toEqual(before);
  const bus = await startHere({ folder });
  const { events } = await bus.call("get_events", { limit: 1 });
  expect(events).toMatchObject([{ id: 1_000_000, timestamp: new Date(1_701_000_000_000).toISOString() }]);
  await bus.stop();
});
