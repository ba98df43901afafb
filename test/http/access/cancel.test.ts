import { beforeEach, expect, test } from "bun:test";
import { operations } from "../../../src/operations/index.ts";
import { startHere } from "../../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../../support/callers.ts";
import { held } from "../../support/held.ts";
import { rpc, rpcTool } from "../../support/rpc.ts";

const holding = held();
const bus = await startHere({ operations: [...operations, holding.operation] });
const owner = bearer(tokenFor(bus.db, "owner"));
const reader = bearer(tokenFor(bus.db, "reader", "read"));

const OTHERS: [who: string, headers: Record<string, string>][] = [
  ["a local program", {}],
  ["another full token", bearer(tokenFor(bus.db, "other"))],
  ["a publish token", bearer(tokenFor(bus.db, "ci", "publish"))],
  ["a read token", reader],
  ["a login", servedTo("ada@example.com")],
  ["a login that is called as the token", servedTo("owner@example.com")],
];

const SESSION = { "mcp-session-id": "known-to-all" };
const ID = 7;
const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: ID } };

/** Asks for the stream of a call again, which ends the call if it still runs. */
const askAgain = (headers: Record<string, string>) =>
  fetch(bus.url, {
    headers: { ...headers, ...SESSION, accept: "text/event-stream", "last-event-id": String(ID) },
  }).then((response) => response.text());

beforeEach(() => {
  holding.cancelled.length = 0;
});

test.each(OTHERS)(
  "%s cannot cancel a token's call, knowing its MCP session and its id",
  async (who, headers) => {
    const call = rpcTool(bus.url, "hold", { name: who }, { ...owner, ...SESSION }, ID);
    await holding.until(1);
    expect((await rpc(bus.url, cancel, { ...headers, ...SESSION })).status).toBe(202);
    expect(await askAgain(headers)).toContain("was lost");
    expect([holding.open(), holding.cancelled]).toEqual([1, []]);
    holding.release();
    expect((await call).message.result.structuredContent).toEqual({ name: who });
  },
);

test.each([
  ["by a notification", () => rpc(bus.url, cancel, { ...owner, ...SESSION })],
  ["by asking for the stream again", () => askAgain(owner)],
])("its own caller can: %s", async (how, end) => {
  const call = rpcTool(bus.url, "hold", { name: how }, { ...owner, ...SESSION }, ID);
  await holding.until(1);
  await end();
  expect((await call).message).toBeUndefined();
  expect([holding.open(), holding.cancelled]).toEqual([0, [how]]);
});

test("calls of different callers with one session and one id are cancelled one by one", async () => {
  const calls = [owner, reader].map((headers, i) =>
    rpcTool(bus.url, "hold", { name: String(i) }, { ...headers, ...SESSION }, ID),
  );
  await holding.until(2);
  await rpc(bus.url, cancel, { ...owner, ...SESSION });
  await holding.until(1);
  expect(holding.cancelled).toEqual(["0"]);
  await rpc(bus.url, cancel, { ...reader, ...SESSION });
  await Promise.all(calls);
  expect(holding.cancelled).toEqual(["0", "1"]);
});
