// What SQLite alone costs, in a loop without HTTP: one durable INSERT, and fifty rows read. Usage: sqlite DATABASE MS

import { median } from "../statistics.ts";
import { floorDatabase } from "./database.ts";

const [path = ":memory:", ms = "500"] = process.argv.slice(2);
const db = floorDatabase(path);
const insert = db.prepare(
  "INSERT INTO events (event_type, payload, session_id, timestamp) VALUES ('bench', ?, 'anonymous', ?)",
);
const select = db.prepare("SELECT * FROM events WHERE id > 0 ORDER BY id DESC LIMIT 50");
const payload = "x".repeat(120);

function timed(work: () => unknown): number {
  const times: number[] = [];
  const until = performance.now() + Number(ms);
  for (let now = performance.now(); now < until; ) {
    work();
    const after = performance.now();
    times.push(after - now);
    now = after;
  }
  return median(times);
}

const insertMs = timed(() => insert.run(payload, new Date().toISOString()));
const readMs = timed(() => select.all());
console.log(JSON.stringify({ insertMs, readMs }));
