// The compiled bus and the bundle on Node, which read bodies each in their own way.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { LIMITS } from "../../src/domain/limits.ts";
import { newest } from "../support/agent.ts";
import { addSource, github, ofBody, type Sent, send, workflowRun } from "../support/arrivals.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders } from "../support/folder.ts";
import { raw } from "../support/raw.ts";

const MIB = LIMITS.arrival_bytes.fallback;

afterAll(removeFolders);

describe.each(["binary", "node"] as const)("%s", (kind) => {
  let bus: ProcessBus;
  let secret = "";

  beforeAll(async () => {
    bus = await startBus(kind, { outlives: true });
    secret = await addSource(bus, { kind: "github", name: "ci" });
    await addSource(bus, { kind: "text", name: "cron" });
  });
  afterAll(() => bus.kill());

  const withSignature = (body: string, event = "push"): Sent => ({
    body,
    headers: { "x-github-event": event, "x-hub-signature-256": ofBody(secret, body) },
  });

  test("a signed arrival is stored, and one with a wrong signature is not", async () => {
    const { json } = await send(bus, "ci", github(secret, "workflow_run", workflowRun()));
    expect(await newest(bus)).toMatchObject({ id: json.event_id, event_type: "ci_failed" });
    expect((await send(bus, "ci", github("x", "workflow_run", workflowRun({ id: 2 })))).status).toBe(401);
    expect((await newest(bus)).id).toBe(json.event_id);
  });

  test("each byte of a text counts, a byte order mark and NUL too", async () => {
    const text = "\ufeffä\u0000🦖\r\n";
    const { status, json } = await send(bus, "cron", { headers: {}, body: text });
    expect([status, (await newest(bus)).payload]).toEqual([200, text]);
    // The signature is right, so the body is read: it is not JSON.
    expect((await send(bus, "ci", withSignature(`\ufeff${JSON.stringify({})}`))).status).toBe(400);
    expect((await newest(bus)).id).toBe(json.event_id);
  });

  test("a body of the limit is taken, and one byte more is not", async () => {
    const fill = (size: number) => JSON.stringify({ repository: { name: "x" }, zen: "" }).padEnd(size, " ");
    expect((await send(bus, "ci", withSignature(fill(MIB)))).status).toBe(200);
    expect((await send(bus, "ci", withSignature(fill(MIB + 1)))).status).toBe(413);
  });

  test("bodies in chunks, compressed, cut off, or not UTF-8", async () => {
    const { id } = await newest(bus);
    const line = (headers: string, body: string | Uint8Array) =>
      raw(bus.port, [
        `POST /in/cron HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n\r\n`,
        body,
      ]);
    expect((await line("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")).status).toBe(200);
    expect(await newest(bus)).toMatchObject({ id: id + 1, payload: "hello" });
    const packed = gzipSync("hello");
    const gzip = await line(`Content-Encoding: gzip\r\nContent-Length: ${packed.byteLength}`, packed);
    expect(gzip.status).toBe(415);
    expect((await line("Content-Length: 2", new Uint8Array([0xc3, 0x28]))).status).toBe(400);
    expect((await newest(bus)).id).toBe(id + 1);
  });
});
