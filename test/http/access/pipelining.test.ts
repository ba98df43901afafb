import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { stored } from "../../support/agent.ts";
import { type Kind, type ProcessBus, startBus } from "../../support/bus.ts";
import { removeFolders } from "../../support/folder.ts";
import { hold, post, raw, readAnswer } from "../../support/raw.ts";
import { call } from "../../support/strangers.ts";

const KEPT = { connection: null, accept: "application/json" };
const publish = (payload: string) => call("publish_event", { event_type: "note", payload });
const one = (payload: string) => Buffer.from(post(publish(payload), KEPT)).toString();
const chunked = (payload: string) => {
  const body = publish(payload);
  const head = Buffer.from(post("", { ...KEPT, "content-length": null, "transfer-encoding": "chunked" }));
  return `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
};

/** Bytes of one segment. Each event that is stored has its answer: the status of the first, and how many are stored. */
const BEHIND: [what: string, bytes: string, binary: [number, number], node: [number, number]][] = [
  ["nothing", one("a"), [200, 1], [200, 1]],
  ["a second call", one("a") + one("b"), [0, 0], [200, 2]],
  ["a second call, behind chunks", chunked("a") + one("b"), [0, 0], [200, 2]],
  ["a GET", `${one("a")}GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, [0, 0], [200, 1]],
  ["a line feed", `${one("a")}\n`, [400, 0], [200, 1]],
  ["an empty line", `${one("a")}\r\n`, [400, 0], [200, 1]],
  ["an empty line, behind chunks", `${chunked("a")}\r\n`, [400, 0], [200, 1]],
  ["what is not a request", `${one("a")}not a request\r\n\r\n`, [400, 0], [400, 0]],
];

for (const kind of ["binary", "node"] as Kind[])
  describe(kind, () => {
    let bus: ProcessBus;
    beforeAll(async () => {
      bus = await startBus(kind, { outlives: true });
    });
    afterAll(async () => {
      await bus.kill();
      removeFolders();
    });

    // When the binary's rows fail because a runtime answers both calls: expect of them what node does.
    test.each(BEHIND)(
      "behind a call comes %s: stored is only what is answered",
      async (_, bytes, binary, node) => {
        const before = stored(bus).events;
        const { status } = await raw(bus.port, bytes);
        const expected = kind === "binary" ? binary : node;
        await Bun.sleep(100);
        expect([status, stored(bus).events - before]).toEqual(expected);
      },
    );

    test("the same holds for the calls of /api", async () => {
      const before = stored(bus).events;
      const body = JSON.stringify({ event_type: "note", payload: "a" });
      const { status } = await raw(
        bus.port,
        `${Buffer.from(post(body, KEPT, "POST /api/publish_event HTTP/1.1")).toString()}\n`,
      );
      await Bun.sleep(100);
      expect([status, stored(bus).events - before]).toEqual(kind === "binary" ? [400, 0] : [200, 1]);
    });

    test("a request that comes while a call waits ends a connection to the binary", async () => {
      const wait = call("get_events", {
        order: "asc",
        cursor: (await bus.call("get_events", {})).next_cursor,
        wait_seconds: 1,
      });
      const socket = await hold(bus.port, post(wait, KEPT));
      await Bun.sleep(200);
      socket.write(one("behind"));
      expect((await readAnswer(socket)).status).toBe(kind === "binary" ? 0 : 200);
      socket.destroy();
    });

    test("a compressed body is refused in a sentence, and stores nothing", async () => {
      const before = stored(bus).events;
      const headers = { "content-encoding": "gzip" };
      const { status, head, body } = await raw(bus.port, post(gzipSync(publish("packed")), headers));
      expect(status).toBe(415);
      expect(head).toMatch(/^accept-encoding: identity$/im);
      expect(JSON.parse(body).error).toBe(
        "The bus reads no compressed bodies. Send the body as it is, without Content-Encoding.",
      );
      expect(stored(bus).events).toBe(before);
    });
  });
