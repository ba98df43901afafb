import { expect, test } from "bun:test";
import { framed, opening, PIECE_BYTES, resumedId, StreamedBody } from "../../src/http/sse.ts";

const asked = (eventId: string, method = "GET") =>
  resumedId(new Request("http://127.0.0.1/", { method, headers: { "last-event-id": eventId } }));

test.each([[7], ["é\n7"], [""], [["a", 1]]])("a client asks for the stream %p again by its id", (id) => {
  const start = opening(id);
  expect(start).toMatch(/^id: \S+\nretry: \d+\ndata: \n\n$/);
  const eventId = /^id: (\S+)/.exec(start)?.[1] ?? "";
  expect(asked(eventId)).toEqual(id);
  expect(asked(eventId, "POST")).toBeUndefined();
});

test("an id that is too long names no stream, in either direction", () => {
  expect(opening("x".repeat(1_000))).toBe("");
  expect(asked(`"${"x".repeat(1_000)}"`)).toBeUndefined();
  expect(asked("%")).toBeUndefined();
});

test("comments and messages arrive at once, the end piece by piece, and are taken when they are read", async () => {
  let taken = 0;
  const body = new StreamedBody(() => {});
  const reader = body.readable.getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  body.keepAlive("here");
  expect(await next()).toBe(": here\n\n");
  body.write(String(framed("{}")));
  expect(await next()).toBe("event: message\ndata: {}\n\n");
  body.endInPieces(new Uint8Array(PIECE_BYTES + 1), () => taken++);
  expect((await next()).length).toBe(PIECE_BYTES);
  expect(taken).toBe(0);
  expect((await next()).length).toBe(1);
  expect(taken).toBe(1);
  expect((await reader.read()).done).toBe(true);
});

test("a client that stops reading has taken all, and closing the body then is no error", async () => {
  const told: string[] = [];
  const body = new StreamedBody(() => told.push("gone"));
  body.endInPieces(new Uint8Array(3 * PIECE_BYTES), () => told.push("taken"));
  await body.readable.cancel();
  body.close();
  expect(told).toEqual(["taken", "gone"]);
});
