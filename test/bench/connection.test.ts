import { expect, test } from "bun:test";
import { answerIn, resultIn } from "./load/connection.ts";

const buffer = (text: string) => Buffer.from(text);

test("an answer is whole when its length has come, and not before", () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (let length = 0; length < text.length; length++)
    expect(answerIn(buffer(text.slice(0, length)))).toBeNull();
  const answer = answerIn(buffer(`${text}HTTP/1.1`));
  expect(answer?.status).toBe(200);
  expect(answer?.body.toString()).toBe("hello");
});

test("a chunked answer is whole with its last chunk", () => {
  const head = "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n";
  expect(answerIn(buffer(`${head}5\r\nhello\r\n`))).toBeNull();
  expect(answerIn(buffer(`${head}5\r\nhello\r\n0\r\n\r\n`))).toMatchObject({ status: 503 });
  expect(answerIn(buffer(`${head}0\r\n\r\n`))).toMatchObject({ status: 503 });
});

test("a result is found in a plain body and in an event, and whatever is none is an error with its text", () => {
  const result = '{"result":{"content":[],"structuredContent":{"event_id":7}},"jsonrpc":"2.0","id":1}';
  for (const body of [result, `event: message\ndata: ${result}\n\n`])
    expect(resultIn({ status: 200, body: buffer(body), at: 0 })).toEqual({ event_id: 7 });
  expect(() => resultIn({ status: 429, body: buffer('{"error":"slower"}'), at: 0 })).toThrow("HTTP 429");
});
