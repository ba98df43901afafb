import type { Bytes } from "../raw.ts";
import { callText, type Kind, PUBLISH, sent } from "./case.ts";
import { manyKeys, refused } from "./messages.ts";

const MB = 1024 * 1024;

/** What costs the bus or the client much time; the next one in turn is sent once in a while. */
export const DEAR_KINDS: readonly (readonly [string, Kind])[] = [
  ["a million levels", () => refused("[".repeat(MB) + "]".repeat(MB), -32600)],
  [
    "a million levels inside a call",
    () => refused(PUBLISH.replace('"hello"', "[".repeat(MB) + "]".repeat(MB)), -32600),
  ],
  ["a million open brackets", () => refused("[".repeat(MB), -32600)],
  ["a quarter of a million keys", () => refused(manyKeys(250_000), -32600)],
  [
    "a payload of 3 MB",
    () => ({
      bytes: sent(callText("publish_event", { event_type: "note", payload: "x".repeat(3 * MB) })),
      ...{ statuses: [200], refused: "payload", stores: 0 },
    }),
  ],
  ["a body of 10 MB", () => ({ ...refused("x".repeat(10 * MB), -32600), statuses: [413, 0], alone: true })],
  [
    "a body of 20 MB",
    () => ({ ...refused("x".repeat(20 * MB), 0), statuses: [413, 0], plain: true, alone: true }),
  ],
  [
    "10 MB in chunks",
    () => ({ ...refused("", -32600), bytes: chunks(10 * MB), statuses: [413, 0], alone: true }),
  ],
];

function* chunks(size: number): Generator<Bytes> {
  yield sent("", { "content-length": null, "transfer-encoding": "chunked" });
  const piece = "x".repeat(64 * 1024);
  for (let at = 0; at < size; at += piece.length) yield `${piece.length.toString(16)}\r\n${piece}\r\n`;
  yield "0\r\n\r\n";
}
