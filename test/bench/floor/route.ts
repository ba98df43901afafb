// What HTTP and SQLite cost without a bus: bare Elysia routes on the bus's own tables.
// Usage: route DATABASE [--answer FILE] [--webhook URL]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Elysia } from "elysia";
import { floorDatabase } from "./database.ts";

interface Body {
  params: { arguments: { event_type: string; payload: string; channel?: string } };
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { answer: { type: "string" }, webhook: { type: "string" } },
});
const path = positionals[0] ?? ":memory:";
const db = floorDatabase(path);
const insert = db.prepare(
  "INSERT INTO events (event_type, payload, session_id, timestamp, channel) VALUES (?, ?, 'anonymous', ?, ?)",
);
const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")];
let queue: { body: Body; resolve: (id: number) => void }[] = [];
let waiting: ((id: number) => void)[] = [];

// All writes of one turn of the event loop share one transaction.
function append(body: Body): Promise<number> {
  if (queue.length === 0) setImmediate(flush);
  return new Promise((resolve) => queue.push({ body, resolve }));
}

function flush(): void {
  const batch = queue;
  queue = [];
  begin.run();
  const ids = batch.map(({ body }) => {
    const { event_type, payload, channel = "all" } = body.params.arguments;
    return Number(insert.run(event_type, payload, new Date().toISOString(), channel).lastInsertRowid);
  });
  commit.run();
  for (const [i, { resolve }] of batch.entries()) resolve(ids[i] ?? 0);
}

async function publish(body: Body): Promise<Record<string, unknown>> {
  const event_id = await append(body);
  const woken = waiting;
  waiting = [];
  for (const wake of woken) wake(event_id);
  if (values.webhook !== undefined)
    fetch(values.webhook, { method: "POST", body: JSON.stringify(body.params.arguments) }).catch(() => {});
  return { event_id, ...body.params.arguments };
}

const answer = values.answer === undefined ? "" : readFileSync(values.answer, "utf8");
const app = new Elysia()
  .get("/health", () => ({ status: "ok" }))
  .post("/publish", ({ body }) => publish(body as Body))
  .post("/read", () => new Response(answer, { headers: { "content-type": "text/event-stream" } }))
  .post("/wait", async () => ({ event_id: await new Promise<number>((wake) => waiting.push(wake)) }))
  .listen({ port: 0, hostname: "127.0.0.1", reusePort: false });
console.log(JSON.stringify({ port: app.server?.port }));
