// Two buses behind the proxies of docs/scale.md, as Debian has them: with and without sticky sessions.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { connect } from "../../src/postgres/connection.ts";
import { TokenTable } from "../../src/postgres/tokens.ts";
import { fresh } from "../support/agent.ts";
import { bearer } from "../support/callers.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { inboxOf, listen, listenRequest } from "../support/listening.ts";
import { onlyBlock } from "../support/page.ts";
import { freePort } from "../support/port.ts";
import { noPostgres } from "../support/postgres.ts";
import { rpc, rpcTool } from "../support/rpc.ts";
import { type SeveralBuses, startBuses } from "../support/several_buses.ts";
import { openStream } from "../support/stream.ts";
import { eventually } from "../support/webhook.ts";

const PAGE = "docs/scale.md";
const CALLS = 20;

interface Kind {
  program: string;
  /** The words that sessions stick with, in place of others. */
  sticky: [without: string, withIt: string];
  /** Files of its own go into the folder. */
  inFolder(text: string, folder: string): string;
  words(file: string, folder: string): string[];
}

const KINDS: readonly Kind[] = [
  {
    program: "nginx",
    sticky: ["upstream buses {", "upstream buses {\n    ip_hash;"],
    inFolder: (text, folder) => {
      const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `${name}_temp_path ${join(folder, name)};`,
      );
      return text.replace("http {", `http {\n  access_log off;\n${kept.join("\n")}`);
    },
    words: (file, folder) => [
      ...["-c", file, "-p", folder, "-e", "stderr", "-g", `daemon off; pid ${join(folder, "pid")};`],
    ],
  },
  {
    program: "haproxy",
    sticky: ["balance roundrobin", "balance source"],
    inFolder: (text) => text,
    words: (file) => ["-db", "-f", file],
  },
];

const cases = KINDS.flatMap((kind) => [false, true].map((isSticky) => ({ ...kind, isSticky })));
const found = (program: string) => Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin` });
const missing = KINDS.filter(({ program }) => found(program) === null);
for (const { program } of missing) console.log(`skipped: buses behind ${program}, which is not installed`);
const isSkipped = noPostgres !== null || missing.length > 0;

let all: SeveralBuses;
let tokens: { full: string; answer: string };
const ends: (() => unknown)[] = [];
/** The proxies that were started. */
const ports: number[] = [];

beforeAll(async () => {
  if (noPostgres !== null) return;
  all = await startBuses(2);
  const pool = connect(all.url);
  const table = new TokenTable(pool, Date.now);
  const make = async (scope: "full" | "answer") => String((await table.create(scope, scope, null))?.secret);
  tokens = { full: await make("full"), answer: await make("answer") };
  await pool.close();
});

afterAll(async () => {
  for (const end of ends) await end();
  await all?.end();
  removeFolders();
});

/** Starts a proxy before the buses, with the text of the page. Returns its port. */
async function startProxy({
  program,
  sticky,
  inFolder,
  words,
  isSticky,
}: (typeof cases)[number]): Promise<number> {
  const folder = tempFolder(true);
  const port = await freePort();
  let text = inFolder(onlyBlock(PAGE, program), folder);
  if (isSticky) text = text.replace(...sticky);
  for (const [i, bus] of all.buses.entries())
    text = text.replaceAll(`bus-${i + 1}:8080`, `127.0.0.1:${bus.port}`);
  text = text.replace(/(listen |bind :)8080/, (_, before) => `${before}${port}`);
  const file = join(folder, "proxy.conf");
  writeFileSync(file, text);
  const proxy = Bun.spawn([String(found(program)), ...words(file, folder)], {
    ...{ stdin: "ignore", stdout: "ignore", stderr: "inherit" },
  });
  ends.push(async () => {
    proxy.kill();
    await proxy.exited;
  });
  const answers = () => fetch(`http://127.0.0.1:${port}/health`, { headers: bearer(tokens.full) });
  await eventually("the proxy answers", () =>
    answers().then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  ports.push(port);
  return port;
}

/** How many calls of `list_sessions` each bus has logged. */
const logged = () =>
  all.buses.map(
    ({ folder }) => readFileSync(join(folder, "bus.log"), "utf8").split("list_sessions").length - 1,
  );

describe.skipIf(isSkipped).each(cases)("behind $program, sticky: $isSticky", (one) => {
  let port: number;
  let url: string;
  const auth = () => bearer(tokens.full);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  const call = async (tool: string, args: object): Promise<any> => {
    const { message, status, text } = await rpcTool(url, tool, args, auth());
    if (message?.result === undefined) throw new Error(`${tool}: HTTP ${status}: ${text}`);
    return message.result.structuredContent;
  };

  beforeAll(async () => {
    port = await startProxy(one);
    url = `http://127.0.0.1:${port}/mcp`;
  });

  test("an MCP client begins a session and calls tools, at as many buses as it is to", async () => {
    const before = logged();
    const client = new Client({ name: "test", version: "1" });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: auth() } }),
    );
    for (let i = 0; i < CALLS; i++) {
      const { structuredContent } = await client.callTool({ name: "list_sessions", arguments: {} });
      expect(structuredContent).toMatchObject({ result: expect.any(Array) });
    }
    await client.close();
    const calls = () => logged().map((count, i) => count - (before[i] ?? 0));
    await eventually("all are logged", () => calls().reduce((sum, count) => sum + count, 0) === CALLS);
    expect(calls().filter((count) => count > 0)).toHaveLength(one.isSticky ? 1 : all.buses.length);
  });

  test("a waiting call gets what comes by another connection, and is cancelled by one", async () => {
    const event_type = fresh("type");
    const waiting = call("get_events", {
      event_types: [event_type],
      wait_seconds: 60,
      cursor: "0",
      order: "asc",
    });
    const { event_id } = await call("publish_event", { event_type, payload: "x" });
    expect((await waiting).events).toMatchObject([{ id: event_id }]);
    const known = { ...auth(), "mcp-session-id": crypto.randomUUID() };
    let isOver = false;
    const cancelled = rpcTool(url, "get_events", { wait_seconds: 60, event_types: ["never"] }, known, 7);
    cancelled.finally(() => {
      isOver = true;
    });
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
    await eventually("the call ends", async () => {
      expect((await rpc(url, cancel, known)).status).toBe(202);
      return isOver;
    });
  });

  test("a session's waiter is woken once, its stream told, and the page shows it", async () => {
    const client = { client_id: fresh("client"), machine: "laptop", machine_id: "m-1" };
    const { session_id } = await call("start_session", { ...client, name: fresh("s"), cwd: "/a", repo: "a" });
    const page = await openStream({ port }, tokens.answer);
    const stream = await listen(url, listenRequest([inboxOf(session_id)]), auth());
    await stream.until(() => stream.messages().length > 0);
    for (let i = 0; i < 6; i++) {
      const waiting = call("collect_events", { ...client, path: "wake", wait_seconds: 60 });
      const message = { event_type: "question", payload: fresh("text"), channel: `session:${session_id}` };
      const { event_id } = await call("publish_event", message);
      expect((await waiting).events).toMatchObject([{ id: event_id }]);
      await call("confirm_events", { ...client, path: "wake", event_ids: [String(event_id)] });
      const told = await call("collect_events", { ...client, path: "prompt", digests: true });
      expect([told.events, told.woken_by]).toMatchObject([[], { first: { id: event_id } }]);
      await page.until(() => page.ids().includes(event_id));
    }
    await stream.until(() => stream.messages().length > 1);
    stream.close();
    page.close();
  });
});

describe.skipIf(isSkipped)("behind each of them", () => {
  test("every call is answered once a bus was killed", async () => {
    await all.buses[1]?.kill();
    for (const port of ports)
      for (let i = 0; i < CALLS; i++) {
        const { status } = await rpcTool(
          `http://127.0.0.1:${port}/mcp`,
          "list_channels",
          {},
          bearer(tokens.full),
        );
        expect(status).toBe(200);
      }
  });
});
