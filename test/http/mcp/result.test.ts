import { expect, test } from "bun:test";
import { callAnswer } from "../../../src/http/mcp/result.ts";
import { bodyOf, type Parts } from "../../../src/lib/chunks.ts";

const sent = (parts: Parts) => Buffer.from(bodyOf(parts)).toString();

const event = {
  id: 1,
  payload: 'a "quoted" \\ text\nof lines  é 🎉 \u0001 \ud800',
  channel: "all",
  correlation_id: null,
};

const RESULTS: [string, Record<string, unknown> | Record<string, unknown>[]][] = [
  ["a plain result", { event_id: 7, text: '"\\\n' }],
  ["an empty one", {}],
  ["a list", [{ a: 1 }, { b: "\t" }]],
  ["an empty list", []],
  ["events alone", { events: [event] }],
  ["events and more", { events: [event, event, { ...event, id: 2 }], next_cursor: "2", has_more: false }],
  ["no events", { events: [], next_cursor: "0", has_more: false, warning: 'of "them"' }],
  ["what is undefined", { events: [{ ...event, title: undefined }], warning: undefined, has_more: true }],
  ["more before the events", { session_id: "s", events: [event], more: 0 }],
];

for (const [what, result] of RESULTS)
  for (const id of [1, 'a"b'])
    test(`${what} stands in the answer ${JSON.stringify(id)} as text and structured, as JSON.stringify writes it`, () => {
      const message = JSON.parse(sent(callAnswer(id, { value: result })));
      expect(message.id).toBe(id);
      expect(message.jsonrpc).toBe("2.0");
      const plain = JSON.parse(JSON.stringify(result));
      expect(message.result.structuredContent).toEqual(Array.isArray(result) ? { result: plain } : plain);
      expect(JSON.parse(message.result.content[0].text)).toEqual(plain);
      expect(Object.keys(message.result)).toEqual(["content", "structuredContent"]);
    });

test("a list that is given again and again is written each time with what is around it at that time", () => {
  const events = [event, { ...event, id: 2, payload: "x".repeat(500) }];
  for (const [i, more] of [true, true, true, false, false, true].entries()) {
    const result = { events, next_cursor: "2", has_more: more };
    const message = JSON.parse(sent(callAnswer(i, { value: result })));
    expect(message.id).toBe(i);
    expect(message.result.structuredContent).toEqual(JSON.parse(JSON.stringify(result)));
    expect(message.result.content).toEqual([{ type: "text", text: JSON.stringify(result) }]);
  }
});

test("a failed call is answered with its reason, as an error", () => {
  const message = JSON.parse(sent(callAnswer(3, { refusal: { kind: "failed", reason: 'no "such" thing' } })));
  expect(message).toEqual({
    jsonrpc: "2.0",
    id: 3,
    result: { content: [{ type: "text", text: 'no "such" thing' }], isError: true },
  });
});

test("bodies of pieces, large ones too, stay as they are when further ones are made", async () => {
  const text = (letter: string, bytes: number) => [
    "é\ud83e",
    "\udd96 ",
    Buffer.from(letter.repeat(bytes)),
    "\n",
  ];
  const sizes = [10, 200_000, 600_000, 20];
  const responses = sizes.map((bytes, i) => new Response(bodyOf(text(String(i), bytes))));
  for (const [i, response] of responses.entries())
    expect(await response.text()).toBe(`é\ufffd\ufffd ${String(i).repeat(sizes[i] ?? 0)}\n`);
});
