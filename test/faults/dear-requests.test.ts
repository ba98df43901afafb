import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startBus } from "../support/bus.ts";
import { type RpcAnswer, rpc } from "../support/rpc.ts";

/** What one request may cost the thread that serves every other one, ms. */
const MOST_MS = 50;
const SIZE = 4 * 1024 * 1024;

/** A call of a tool whose argument is that JSON text, near the limit of a body. */
const argument = (json: string, tool = "publish_event", name = "payload") =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":{"event_type":"t","${name}":${json}}}}`;
const message = (method: string, params: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;

/** As many copies as fit in a body, with room for what is around them. */
const filled = (piece: string) => piece.repeat(Math.floor((SIZE - 1_000) / Buffer.byteLength(piece)));
const text = (piece: string) => `"${filled(piece)}"`;

/** An object of so many keys, as long as a body may be. */
function keys(count: number): string {
  const long = "k".repeat(Math.floor((SIZE - 1_000) / count) - 16);
  return `{${Array.from({ length: count }, (_, i) => `"${long}${i}":1`).join()}}`;
}

function strings(count: number, piece: string): string {
  const long = piece.repeat(Math.floor((SIZE - 1_000) / count / Buffer.byteLength(piece)) - 4);
  return `[${Array.from({ length: count }, () => `"${long}"`).join()}]`;
}

const REFUSED = [400, -32600];
const UNPARSED = [400, -32700];
const TAKEN = [200, undefined];

const DEAR: [what: string, body: () => string, answer: (number | undefined)[]][] = [
  ["4 MB of [", () => "[".repeat(SIZE), REFUSED],
  ["4 MB of { in an argument", () => argument(filled('{"a":')), REFUSED],
  ["4 MB of [{ by turns", () => argument(filled('[{"a":')), REFUSED],
  ["250,000 keys", () => `{${Array.from({ length: 250_000 }, (_, i) => `"k${i}":1`).join()}}`, REFUSED],
  ["a list of two million zeros", () => argument(`[${filled("0,")}0]`), REFUSED],
  ["a million empty lists", () => argument(`[${filled("[],")}0]`), REFUSED],
  ["a list of 4 MB of small objects", () => argument(`[${filled('{"a":1},')}0]`), REFUSED],
  ["as many keys as it may have", () => argument(keys(9_900), "publish_event", "other"), TAKEN],
  ["as many keys of a ping", () => message("ping", keys(9_900)), TAKEN],
  ["as many keys of an initialize", () => message("initialize", keys(9_900)), TAKEN],
  ["as many keys of _meta", () => message("ping", `{"_meta":${keys(9_900)}}`), TAKEN],
  ["as many tags", () => argument(strings(9_900, "t"), "publish_event", "tags"), TAKEN],
  [
    "as many event types to filter by",
    () => argument(strings(9_900, "é"), "get_events", "event_types"),
    TAKEN,
  ],
  ["a payload of 4 MB", () => argument(text("x")), TAKEN],
  ["a payload of escaped quotes", () => argument(text('\\"')), REFUSED],
  [
    "a payload of as many escaped quotes as fit in it",
    () => argument(`"${'\\"'.repeat(1024 * 1024)}${filled("x").slice(2_200_000)}"`),
    TAKEN,
  ],
  ["a payload of \\u escapes", () => argument(text("\\u00e9")), TAKEN],
  ["a payload of halves of surrogates", () => argument(text("\\ud800")), TAKEN],
  ["a payload of three bytes a character", () => argument(text("漢")), TAKEN],
  ["a payload of four bytes a character", () => argument(text("🦕")), TAKEN],
  ["a channel of 4 MB", () => argument(text("session:"), "publish_event", "channel"), TAKEN],
  ["a cursor of 4 MB", () => argument(text("9"), "get_events", "cursor"), TAKEN],
  ["an unknown argument of 4 MB", () => argument(`[${text("x")}]`, "list_sessions", "other"), TAKEN],
  ["a number of 4 million digits", () => argument(filled("1")), TAKEN],
  ["a fraction of 4 million digits", () => argument(`0.${filled("1")}`), TAKEN],
  ["an exponent of 4 million digits", () => argument(`1e${filled("1")}`), TAKEN],
  ["4 MB of white space", () => argument(`${filled(" \n")}1`), TAKEN],
  ["4 MB of colons", () => filled(":"), UNPARSED],
  ["4 MB of ]", () => filled("]"), UNPARSED],
  ["4 MB of quotes", () => filled('"'), UNPARSED],
  ["4 MB of backslashes", () => `"${filled("\\\\")}`, REFUSED],
  ["an id of 4 MB", () => `{"jsonrpc":"2.0","id":${text("é")},"method":"ping"}`, REFUSED],
  ["an unknown tool of 4 MB", () => message("tools/call", `{"name":${text("é")}}`), TAKEN],
  ["an unknown method of 4 MB", () => message("x", "{}").replace('"x"', text("é")), TAKEN],
  ["a resource of 4 MB", () => message("resources/read", `{"uri":${text("é")}}`), TAKEN],
];

/** Processor time of a process's first thread so far, ms; waiting for a processor does not count. */
function threadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

const ROUNDS = 5;
/** What costs least of 4 MB, and how much that is on a machine that does nothing else, ms. */
const FLOOR = () => `${filled(" \n")}1`;
const FLOOR_MS = 10;

test.skipIf(process.platform !== "linux")(
  "no request holds the bus for longer than 50 ms, whatever is in it",
  async () => {
    const bus = await startBus("binary");
    const costOf = async (bytes: Uint8Array): Promise<[ms: number, answer: RpcAnswer]> => {
      const before = threadMs(bus.process.pid);
      const answer = await rpc(bus.url, bytes);
      return [threadMs(bus.process.pid) - before, answer];
    };
    const floorBytes = new TextEncoder().encode(FLOOR());
    const table: { what: string; ms: number; floor: number }[] = [];
    for (const [what, body, expected] of DEAR) {
      const bytes = new TextEncoder().encode(body());
      expect(bytes.byteLength).toBeLessThanOrEqual(SIZE);
      const costs: number[] = [];
      const floors: number[] = [];
      // The first ones compile the code; and other programs make a run cost more now and then.
      for (let i = 0; i < ROUNDS; i++) {
        floors.push((await costOf(floorBytes))[0]);
        const [ms, { status, message }] = await costOf(bytes);
        costs.push(ms);
        expect([what, status, status === 200 ? undefined : message?.error?.code]).toEqual([
          what,
          ...expected,
        ]);
      }
      table.push({ what, ms: Math.min(...costs), floor: Math.min(...floors) });
    }
    for (const { what, ms, floor } of table)
      console.log(`${ms.toFixed(1).padStart(6)} ms (least of 4 MB: ${floor.toFixed(1)})  ${what}`);
    // Programs beside this one make every step slower, by as much as the floor shows.
    const slow = table.filter(({ ms, floor }) => ms > MOST_MS * Math.max(1, floor / FLOOR_MS));
    expect(slow).toEqual([]);
  },
  240_000,
);
