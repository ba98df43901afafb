import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join, payloads, publish, resume, savedCursor } from "../support/agent.ts";
import { type Kind, type ProcessBus, startBus, type TestBus } from "../support/bus.ts";
import { hold, post } from "../support/raw.ts";
import { receiver } from "../support/receiver.ts";
import { BOTH } from "../support/rpc.ts";

interface Stream {
  text: string;
  ended: Promise<void>;
  abort(): void;
}

/** A get_events that waits, its answer read as it comes. */
function stream(bus: TestBus, args: Record<string, unknown>, meta?: Record<string, unknown>): Stream {
  const params = {
    name: "get_events",
    arguments: { resume: true, order: "asc", ...args },
    ...(meta && { _meta: meta }),
  };
  const gone = new AbortController();
  const reading: Stream = { text: "", ended: Promise.resolve(), abort: () => gone.abort() };
  reading.ended = (async () => {
    const response = await fetch(bus.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: BOTH },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
      signal: gone.signal,
    });
    for await (const chunk of response.body ?? []) reading.text += new TextDecoder().decode(chunk);
  })().catch(() => {});
  return reading;
}

const started: Promise<ProcessBus>[] = [];

function start(kind: Kind, env: Record<string, string> = {}): Promise<ProcessBus> {
  const starting = startBus(kind, { outlives: true, env });
  started.push(starting);
  return starting;
}

/** The text of a stream that waits in vain for 11 seconds. */
async function inVain(bus: TestBus, meta?: Record<string, unknown>): Promise<string> {
  const reading = stream(bus, { channel: "of-nobody", wait_seconds: 11 }, meta);
  await reading.ended;
  return reading.text;
}

async function leftAfterKeepAlive(bus: TestBus): Promise<{ text: string; moved: boolean; next: string[] }> {
  const { session_id, cursor } = await join(bus);
  const reading = stream(bus, { session_id, wait_seconds: 60 });
  await Bun.sleep(6_000);
  reading.abort();
  await Bun.sleep(300);
  await publish(bus, "kept");
  await Bun.sleep(100);
  const moved = (await savedCursor(bus, session_id)) !== cursor;
  return { text: reading.text, moved, next: await payloads(resume(bus, session_id)) };
}

async function halfSent(kind: Kind): Promise<{ code: number; ms: number }> {
  const bus = await start(kind);
  const half = await hold(bus.port, post("{", { "content-length": "100" }));
  await Bun.sleep(200);
  const began = performance.now();
  const code = await bus.stop();
  half.destroy();
  return { code, ms: performance.now() - began };
}

async function proxied(kind: Kind): Promise<string> {
  const hooks = receiver();
  const nowhere = "http://127.0.0.1:1";
  const bus = await start(kind, { HTTP_PROXY: nowhere, http_proxy: nowhere, ALL_PROXY: nowhere });
  await bus.call("register_webhook", { url: hooks.url("/hook"), secret: "s" });
  await publish(bus, "direct");
  const [delivery] = await hooks.until("/hook", 1);
  const expected = `sha256=${createHmac("sha256", "s")
    .update(delivery?.body ?? "")
    .digest("hex")}`;
  await bus.kill();
  hooks.stop();
  return delivery?.headers.get("x-event-bus-signature") === expected ? "signed" : "wrong";
}

function begun(kind: Kind, bus: TestBus) {
  return {
    progress: inVain(bus, { progressToken: "my-token" }),
    withoutToken: inVain(bus),
    leftAfterKeepAlive: leftAfterKeepAlive(bus),
    halfSent: halfSent(kind),
    proxied: proxied(kind),
  };
}

/** What takes ten seconds begins with the first test of a kind and is looked at after the last. */
export function patience(kind: Kind): { begin(): void; end(): void; kill(): Promise<unknown> } {
  let running: ReturnType<typeof begun>;
  let bus: TestBus;
  return {
    kill: () => Promise.all(started.map(async (starting) => (await starting).kill())),
    begin() {
      beforeAll(async () => {
        bus = await start(kind);
        running = begun(kind, bus);
        for (const each of Object.values(running)) each.catch(() => {});
      });
    },
    end: () =>
      describe(`${kind}: patience`, () => {
        test("a long wait sends keep-alives, progress to the token it was given, and then its answer", async () => {
          const text = await running.progress;
          expect(text).toStartWith(": still running\n\n");
          const messages = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
          const answer = messages.pop();
          const steps = messages.map(({ method, params }) => [method, params.progressToken, params.total]);
          expect(new Set(steps.map(String))).toEqual(new Set(["notifications/progress,my-token,11"]));
          const seconds = messages.map(({ params }) => params.progress);
          expect(seconds[0]).toBeWithin(9, 12);
          expect(seconds).toEqual([...new Set(seconds)].sort((a, b) => a - b));
          expect(answer.result.structuredContent.events).toEqual([]);
        });

        test("without a token there is no progress", async () => {
          expect((await running.withoutToken).match(/^data: /gm)).toHaveLength(1);
        });

        test("a client that goes away after its stream began loses nothing", async () => {
          const { text, moved, next } = await running.leftAfterKeepAlive;
          expect([text, moved, next]).toEqual([": still running\n\n", false, ["kept"]]);
        });

        test("a request that is half sent holds the shutdown up for ten seconds at most", async () => {
          const { code, ms } = await running.halfSent;
          expect(code).toBe(0);
          expect(ms).toBeLessThan(12_000);
        });

        test("a proxy of the environment is not asked for a webhook on this machine", async () => {
          expect(await running.proxied).toBe("signed");
        });
      }),
  };
}
