// Two buses on one PostgreSQL are upgraded to a release with one more migration, and taken back, one after the other under load.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, type Server, selectedBy, startPostgres } from "../support/postgres.ts";
import { callTool } from "../support/rpc.ts";
import { eventually } from "../support/webhook.ts";
import { next } from "./next.ts";

const BUILD_MS = 240_000;
const TIMEOUT_MS = 240_000;
const PUBLISHERS = 4;
const READERS = 4;
/** Events between two restarts. */
const BETWEEN = 200;
/** Each client asks the other bus at once. Both never refuse: one of them runs. */
const MOST_REFUSALS_IN_A_ROW = 1;

let server: Server;
let newer = "";

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort());
  newer = await next(tempFolder(true));
}, BUILD_MS);

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

/** A client of several buses: stays at one until that refuses, and then goes to the next. */
class Client {
  readonly #urls: readonly string[];
  #at: number;
  /** The most refusals in a row, and the longest time from a refusal until the call was carried out (ms). */
  refusals = 0;
  refusedMs = 0;

  constructor(urls: readonly string[], first: number) {
    this.#urls = urls;
    this.#at = first;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers have every shape
  async call(tool: string, args: unknown): Promise<any> {
    let since: number | undefined;
    for (let refusals = 0; ; refusals++) {
      this.refusals = Math.max(this.refusals, refusals);
      const url = this.#urls[this.#at % this.#urls.length] as string;
      const answer = await callTool(url, tool, args).catch(() => undefined);
      if (answer === undefined || answer.isError) {
        this.#at++;
        since ??= performance.now();
        continue;
      }
      // A call that waits is answered later.
      if (since !== undefined && tool !== "get_events")
        this.refusedMs = Math.max(this.refusedMs, performance.now() - since);
      return answer.structuredContent;
    }
  }
}

/** Publishes one event after the other until it is told to end. */
async function publishUntil(isOver: () => boolean, client: Client, acknowledged: Map<string, number>) {
  while (!isOver()) {
    const payload = crypto.randomUUID();
    const { event_id } = await client.call("publish_event", { event_type: "rolling", payload });
    acknowledged.set(payload, event_id);
  }
}

/** Asks again and again for what the migration widens. */
async function lookUntil(isOver: () => boolean, client: Client): Promise<void> {
  while (!isOver()) {
    for (const tool of ["list_needs", "list_sessions", "list_webhooks"]) await client.call(tool, {});
    await Bun.sleep(20);
  }
}

/** Follows the events by waiting calls with a cursor. Returns the ids in the order in which they came. */
async function readUntil(end: () => number | undefined, client: Client): Promise<number[]> {
  const seen: number[] = [];
  let cursor = "0";
  while (end() === undefined || seen.at(-1) !== end()) {
    const query = { cursor, order: "asc", limit: 100, wait_seconds: 5, event_types: ["rolling"] };
    const { events, next_cursor } = await client.call("get_events", query);
    seen.push(...events.map(({ id }: { id: number }) => id));
    cursor = next_cursor ?? cursor;
  }
  return seen;
}

test.skipIf(noPostgres !== null)(
  "nothing is lost, doubled or refused by both while the buses change",
  async () => {
    const url = await server.database();
    const places = [
      { folder: tempFolder(), port: await freePort() },
      { folder: tempFolder(), port: await freePort() },
    ];
    const start = (i: number, program: string): Promise<ProcessBus> =>
      startBus("binary", { ...places[i], db: null, program: [program], env: { AGENT_EVENT_BUS_DB: url } });
    const buses = [await start(0, binary), await start(1, binary)];
    const clients: Client[] = [];
    const client = (i: number) => {
      const made = new Client(
        buses.map((bus) => bus.url),
        i,
      );
      clients.push(made);
      return made;
    };
    const acknowledged = new Map<string, number>();
    let isOver = false;
    let last: number | undefined;
    const publishing = Array.from({ length: PUBLISHERS }, (_, i) =>
      publishUntil(() => isOver, client(i), acknowledged),
    );
    const looking = [0, 1].map((i) => lookUntil(() => isOver, client(i)));
    const reading = Array.from({ length: READERS }, (_, i) => readUntil(() => last, client(i)));
    const some = async () => {
      const before = acknowledged.size;
      await eventually("events go on", () => acknowledged.size >= before + BETWEEN, 60_000);
    };
    const versions = () =>
      selectedBy(url, "SELECT max(version) AS version FROM schema_version", []) as { version: number }[];
    const [{ version } = { version: 0 }] = versions();
    await some();
    for (const [program, at] of [
      [newer, version + 1],
      [binary, version + 1],
    ] as const)
      for (const i of [0, 1]) {
        expect(await buses[i]?.stop()).toBe(0);
        await some();
        buses[i] = await start(i, program);
        expect(versions()).toEqual([{ version: at }]);
        await some();
      }
    isOver = true;
    await Promise.all([...publishing, ...looking]);
    last = Math.max(...acknowledged.values());
    const seen = await Promise.all(reading);
    const stored = selectedBy(
      url,
      "SELECT id, payload FROM events WHERE event_type = 'rolling' ORDER BY id",
      [],
    ) as { id: number; payload: string }[];
    const most = (of: (one: Client) => number) => Math.max(...clients.map(of));
    console.log(
      `${stored.length} events, ${most((one) => one.refusals)} refusals in a row, refused for ${Math.round(most((one) => one.refusedMs))} ms at most`,
    );
    expect(stored.map(({ payload }) => payload).sort()).toEqual([...acknowledged.keys()].sort());
    expect(seen).toEqual(Array.from({ length: READERS }, () => stored.map(({ id }) => id)));
    expect(most((one) => one.refusals)).toBe(MOST_REFUSALS_IN_A_ROW);
    for (const bus of buses) await bus.stop();
  },
  TIMEOUT_MS,
);
