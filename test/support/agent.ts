import type { TestBus } from "./bus.ts";
import { selected } from "./engine.ts";
import { callTool } from "./rpc.ts";

let used = 0;

/** A name that nothing else in this run has. */
export function fresh(prefix = "x"): string {
  return `${prefix}-${process.pid}-${++used}`;
}

/** A session as `register_session` answers it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export function join(bus: TestBus, more: Record<string, unknown> = {}): Promise<any> {
  return bus.call("register_session", { name: "tester", client_id: fresh("client"), ...more });
}

/** Publishes and returns the event's id. */
export async function publish(
  bus: TestBus,
  payload = "hello",
  more: Record<string, unknown> = {},
): Promise<number> {
  return (await bus.call("publish_event", { event_type: "note", payload, ...more })).event_id;
}

/** Answers the next question that anybody asks. */
export async function answerNext(bus: TestBus, payload: string, more = {}): Promise<void> {
  const { next_cursor: cursor } = await bus.call("get_events", { limit: 1 });
  const questions = { event_types: ["question"], order: "asc", cursor, wait_seconds: 60 };
  const { events } = await bus.call("get_events", questions);
  await bus.call("reply", { event_id: events[0].id, payload, ...more });
}

/** The saved cursor of a session, seen without moving it. */
export async function savedCursor(bus: TestBus, session_id: string): Promise<string | null> {
  return (await bus.call("ack_events", { session_id, cursor: "none" })).cursor;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function resume(bus: TestBus, session_id: string, more = {}): Promise<any> {
  return bus.call("get_events", { session_id, resume: true, order: "asc", ...more });
}

export async function payloads(answer: Promise<{ events: { payload: string }[] }>): Promise<string[]> {
  return (await answer).events.map((event) => event.payload);
}

/** The text of a result that says `isError`. */
export async function problem(bus: TestBus, tool: string, args: unknown): Promise<string> {
  const result = await callTool(bus.url, tool, args);
  if (result.isError !== true) throw new Error(`${tool} was not refused: ${JSON.stringify(result)}`);
  return result.content[0].text;
}

/** The newest event, as a reader sees it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it
export async function newest(bus: TestBus): Promise<any> {
  return (await bus.call("get_events", { limit: 1 })).events[0];
}

/** How many rows the database holds, read past the bus. */
export function stored(bus: TestBus): { events: number; sessions: number; webhooks: number } {
  const count = (table: string) =>
    selected<{ n: number }>(bus.db, `SELECT count(*) AS n FROM ${table}`)[0]?.n ?? -1;
  return { events: count("events"), sessions: count("sessions"), webhooks: count("webhooks") };
}
