import { Database } from "bun:sqlite";
import { fresh } from "./agent.ts";
import type { ProcessBus } from "./bus.ts";
import type { Namespace } from "./netns.ts";
import { post, type RawAnswer } from "./raw.ts";

/** What became of one request to publish an event. */
export interface Outcome {
  status: number;
  /** Of the event that was stored; undefined when none was. */
  origin: string | undefined;
  answer: RawAnswer;
}

/** Where a request comes from and where it goes. */
export interface Route {
  from: Namespace;
  to: string;
}

export type Headers = Record<string, string | null>;

/** Publishes an event as a client of any kind does and looks into the database, past the bus, for what it left. */
export async function tryPublish(
  bus: ProcessBus,
  { from, to }: Route,
  headers: Headers = {},
): Promise<Outcome> {
  const payload = fresh("payload");
  const before = rows(bus);
  const answer = await from.send(
    to,
    bus.port,
    post(call("publish_event", { event_type: "note", payload }), hostOf(to, headers)),
  );
  const after = rows(bus);
  const mine = after.events.filter((event) => event.payload === payload);
  if (mine.length > 1) throw new Error("the event was stored twice");
  if (after.others !== before.others) throw new Error("more than an event was stored");
  return { status: answer.status, origin: mine[0]?.origin, answer };
}

/** Calls a tool as a client of any kind does. */
export function tryTool(
  bus: ProcessBus,
  { from, to }: Route,
  tool: string,
  args: object,
  headers: Headers = {},
): Promise<RawAnswer> {
  return from.send(to, bus.port, post(call(tool, args), hostOf(to, headers)));
}

export function call(name: string, args: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
}

function hostOf(to: string, headers: Headers): Headers {
  return { host: to.includes(":") ? `[${to}]` : to, ...headers };
}

interface Rows {
  events: { payload: string; origin: string }[];
  /** How many sessions and webhooks there are. */
  others: number;
}

function rows({ db }: ProcessBus): Rows {
  const file = new Database(db, { readonly: true });
  try {
    return {
      events: file.query("SELECT payload, origin FROM events ORDER BY id").all() as Rows["events"],
      others: Number(
        file
          .query("SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM webhooks) AS n")
          .values()[0]?.[0],
      ),
    };
  } finally {
    file.close();
  }
}

/** Counts outcomes, for the line that a group prints. */
export class Tally {
  readonly #statuses = new Map<number, number>();
  stored = 0;

  add({ status, origin }: Pick<Outcome, "status" | "origin">): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status !== 200 && origin !== undefined) this.stored++;
  }

  print(group: string): void {
    const counts = [...this.#statuses]
      .sort(([one], [other]) => one - other)
      .map(([status, n]) => `${status} ×${n}`);
    console.log(`network, ${group}: ${counts.join(", ")}; stored by refused requests: ${this.stored}`);
  }
}
