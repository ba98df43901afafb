import { expect, test } from "bun:test";
import { startBus, startHere, type TestBus } from "../../support/bus.ts";
import { BOTH } from "../../support/rpc.ts";

const NEWEST = { "mcp-protocol-version": "2025-11-25", "mcp-session-id": "one" };

/** Starts a call that waits and returns its stream, read up to the first bytes. */
async function waiting(bus: TestBus, id: string | number, headers: Record<string, string> = NEWEST) {
  const params = { name: "get_events", arguments: { wait_seconds: 60, cursor: "99" } };
  const response = await fetch(bus.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: BOTH, ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params }),
  });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  return { reader, first: new TextDecoder().decode(first?.value) };
}

async function resume(url: string, eventId: string) {
  const headers = { accept: "text/event-stream", "last-event-id": eventId, ...NEWEST };
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

function eventIdIn(text: string): string {
  return /^id: (\S+)$/m.exec(text)?.[1] ?? "none";
}

test.each([
  ["binary", 7],
  ["node", "é\n7"],
] as const)("a stream lost with its process is answered by the next one: %s", async (kind, id) => {
  const bus = await startBus(kind);
  const { first } = await waiting(bus, id);
  await bus.kill();
  const next = await startBus(kind, { folder: bus.folder, port: bus.port });
  const { status, text } = await resume(next.url, eventIdIn(first));
  expect(status).toBe(200);
  const answer = JSON.parse(text.replace(/^event: message\ndata: /, ""));
  expect(answer).toMatchObject({ id, error: { code: -32000 } });
});

test("resuming a stream of this process ends the call that it belonged to", async () => {
  const bus = await startHere();
  const { reader, first } = await waiting(bus, 7);
  expect((await resume(bus.url, eventIdIn(first))).text).toContain("lost");
  let rest = "";
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read())
    rest += new TextDecoder().decode(part.value);
  expect(first + rest).not.toContain("data: {");
});

test("a client of an older protocol gets no event without data", async () => {
  const bus = await startHere();
  const { first } = await waiting(bus, 7, { "mcp-protocol-version": "2025-06-18" });
  expect(first).toBe(": still running\n\n");
});

test("an event id that names no call is answered 405", async () => {
  const bus = await startHere();
  for (const eventId of ["", "x", "%", "null", "1.5", "%7B%7D", "1".repeat(2000)])
    expect((await resume(bus.url, eventId)).status).toBe(405);
});
