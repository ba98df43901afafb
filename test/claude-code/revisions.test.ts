// Which revision of MCP the versions of Claude Code speak with the bus, and how each notices that the bus was killed.
import { afterAll, expect, test } from "bun:test";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { MODERN } from "../support/modern.ts";
import { startPatientRelay } from "../support/patient_relay.ts";
import { eventually } from "../support/webhook.ts";
import { findClaude, VERSION } from "./client.ts";
import { answersOf, converse, TIMEOUT_MS, testWithClaude } from "./converse.ts";
import type { CallTool } from "./model.ts";

/** By then a waiting call has begun to stream. */
const STREAMING_MS = 7_000;

/** Stands before a bus and notes what clients ask it, in which revision. `refused`: a request that it answers itself, with 400. */
function startRecorder(target: string, refused = "") {
  const sent: { method: string; revision: string | null }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const body = request.method === "POST" ? await request.text() : undefined;
      const method = body === undefined ? request.method : JSON.parse(body).method;
      sent.push({ method, revision: request.headers.get("mcp-protocol-version") });
      if (method === refused)
        return Response.json({ error: { code: -32000, message: "no" } }, { status: 400 });
      const headers = new Headers(request.headers);
      headers.delete("host");
      return fetch(target, { method: request.method, headers, ...(body !== undefined && { body }) });
    },
  });
  afterAll(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}/mcp`, sent };
}

interface Row {
  version: string;
  revision: string;
  /** The first request that the recorder refuses. */
  refused?: string;
  /** First requests. A GET is one too. */
  begins: readonly string[];
}

const FORMER = "2025-11-25";
const ROWS: readonly Row[] = [
  { version: VERSION, revision: MODERN, begins: ["server/discover"] },
  { version: "2.1.332", revision: MODERN, begins: ["server/discover"] },
  {
    ...{ version: VERSION, revision: FORMER, refused: "server/discover" },
    begins: ["server/discover", "initialize", "notifications/initialized"],
  },
];

for (const { version, revision, refused, begins } of ROWS) {
  const file = await findClaude(version);
  if (file === undefined) console.log(`skipped: Claude Code ${version}, it cannot be had here (npm)`);
  test.skipIf(file === undefined)(
    `Claude Code ${version} speaks MCP ${revision} with ${refused === undefined ? "the bus" : "one that knows no other"}`,
    async () => {
      const bus = await startBus("binary");
      const { url, sent } = startRecorder(bus.url, refused);
      const script = async (call: CallTool) => {
        await answersOf(call)("publish_event", { event_type: "note", payload: "grün" });
        const guide = { server: "agent-event-bus", uri: "agent-event-bus://guide" };
        expect((await call("ReadMcpResourceTool", guide)).text).toContain("Event bus guide");
      };
      await converse(url, script, undefined, file);
      expect(sent.slice(0, begins.length).map(({ method }) => method)).toEqual([...begins]);
      const calls = sent.filter(({ method }) => method === "tools/call");
      expect(calls).toEqual([{ method: "tools/call", revision }]);
      expect((await bus.call("get_events")).events).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
}

/** The answer to a call whose bus was killed. MCP 2026-07-28 has no way to ask for it, so that a client waits two minutes. */
const LOST: Readonly<Record<string, string>> = {
  [FORMER]: "Repeat a call that only reads or waits",
  [MODERN]: "was lost",
};

for (const [revision, says] of Object.entries(LOST))
  testWithClaude(
    `a call of MCP ${revision} that waits when the bus is killed ends when the bus is back`,
    async () => {
      const folder = tempFolder();
      const bus = await startBus("binary", { folder });
      const relay = await startPatientRelay(bus);
      const { url } = revision === FORMER ? startRecorder(relay.url, "server/discover") : relay;
      await converse(url, async (call) => {
        await answersOf(call)("register_session", { name: "api", client_id: "patient" });
        const wait = { session_id: "patient", cursor: "99", wait_seconds: 60 };
        const waits = call("mcp__agent-event-bus__get_events", wait);
        const arrived = async () => (await bus.call("list_sessions")).result[0].reach === "wakes";
        await eventually("the call waits at the bus", arrived, TIMEOUT_MS);
        await Bun.sleep(STREAMING_MS);
        await bus.kill();
        await startBus("binary", { folder, port: bus.port });
        const { isError, text } = await waits;
        expect(isError).toBe(true);
        expect(text).toContain(says);
        expect((await call("mcp__agent-event-bus__list_sessions")).isError).toBe(false);
      });
    },
    TIMEOUT_MS,
  );
