import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { warnOfDeleted } from "../../../src/operations/call_log.ts";
import { fresh } from "../../support/agent.ts";
import { startBus } from "../../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../../support/callers.ts";
import { cli } from "../../support/cli.ts";
import { raw } from "../../support/raw.ts";
import { rpc, rpcTool } from "../../support/rpc.ts";
import { eventually } from "../../support/webhook.ts";

/** The lines of the log about calls with that text in them, once the bus has written them. */
async function linesOf(bus: { folder: string; stop(): Promise<number> }): Promise<string[]> {
  await bus.stop();
  return readFileSync(join(bus.folder, "bus.log"), "utf8").split("\n").slice(0, -1);
}

test("the line of a remote caller names its origin, and that of a local one does not", async () => {
  const bus = await startBus("binary");
  const callers: [type: string, headers: Record<string, string>, who: string][] = [
    ["by-local", {}, "me"],
    ["by-token", bearer(tokenFor(bus.db, "laptop")), "me from laptop"],
    ["by-publisher", bearer(tokenFor(bus.db, "ci", "publish")), "me from ci"],
    ["by-login", servedTo("ada@example.com"), "me from ada@example.com"],
    ["by-odd-login", servedTo(`${"x".repeat(100)}@example.com`), `me from ${"x".repeat(79)}…`],
  ];
  for (const [event_type, headers] of callers)
    await rpcTool(bus.url, "publish_event", { event_type, payload: "p", session_id: "me" }, headers);
  const wrong = { event_type: 5, payload: "p" };
  await rpcTool(bus.url, "publish_event", wrong, callers[1]?.[1]);
  const lines = await linesOf(bus);
  for (const [type, , who] of callers)
    expect(lines.find((line) => line.includes(`"${type}"`))).toMatch(
      new RegExp(`^\\S+Z info  ${who} publish_event event_type="${type}" payload="p" → ok #\\d+ [\\d.]+ ms$`),
    );
  expect(lines.find((line) => line.includes("→ invalid"))).toContain(" - from laptop publish_event ");
});

test("an unverified caller is called so", async () => {
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_AUTH_DISABLED: "1" } });
  await rpcTool(bus.url, "list_sessions", {}, { "x-forwarded-for": "203.0.113.9" });
  expect((await linesOf(bus)).some((line) => line.includes(" - from unverified list_sessions "))).toBe(true);
});

test("nothing of a token is ever logged, right or wrong, wherever it is put in the head", async () => {
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
  const secrets = {
    right: tokenFor(bus.db, "laptop"),
    narrow: tokenFor(bus.db, "reader", "read"),
    wrong: `aeb_${Buffer.from(fresh("wrong").padEnd(32, "-")).toString("base64url")}`,
  };
  for (const secret of Object.values(secrets)) {
    const heads = [
      bearer(secret),
      { authorization: `bearer   ${secret}` },
      { authorization: `Bearer ${secret} x` },
    ];
    const others = [
      { authorization: secret },
      { authorization: `Basic ${btoa(`x:${secret}`)}` },
      { "x-token": secret },
    ];
    for (const headers of [...heads, ...others]) {
      await rpcTool(bus.url, "publish_event", { event_type: "t", payload: "p" }, headers);
      await rpcTool(bus.url, "get_events", { limit: "many" }, headers);
      await rpc(bus.url, "{", headers);
      await rpc(
        bus.url,
        { jsonrpc: "2.0", id: 1, method: "tools/list" },
        { ...headers, host: "elsewhere.test" },
      );
    }
    for (const path of [`/${secret}`, `/mcp?token=${secret}`, `/mcp/${secret}`])
      await fetch(new URL(path, bus.url), { headers: bearer(secret) });
    await raw(bus.port, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${secret}\r\n\r\n`);
    const env = { AGENT_EVENT_BUS_TOKEN: secret };
    const { stdout, stderr } = await cli(["publish", "--type", "t", "--payload", "p", "--debug"], {
      bus,
      env,
    });
    expect(stdout + stderr).not.toContain(secret.slice(4, 16));
  }
  const stderr = new Response(bus.process.stderr).text();
  const lines = await linesOf(bus);
  expect(lines.some((line) => line.includes(" from laptop publish_event "))).toBe(true);
  expect(lines.some((line) => line.includes("with 401: This bus does not know the token"))).toBe(true);
  const told = [...lines, readFileSyncOr(join(bus.folder, "bus.err")), await stderr].join("\n");
  for (const secret of Object.values(secrets))
    for (const piece of [secret.slice(4, 16), secret.slice(-12), btoa(secret).slice(4, 16)])
      expect(told).not.toContain(piece);
});

function readFileSyncOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

test("the bus remembers so many unregistered sessions that it warned of, and no more", () => {
  const warnings: string[] = [];
  const deleted = warnOfDeleted((message) => warnings.push(message));
  const warn = (i: number) =>
    deleted("get_events", { session_id: `s${i}`, display_id: "d", deleted_at: "then" });
  for (const _ of [1, 2, 3]) warn(0);
  expect(warnings).toHaveLength(1);
  for (let i = 1; i <= 1_000; i++) warn(i);
  warn(1_000);
  expect(warnings).toHaveLength(1_001);
  warn(0);
  expect(warnings).toHaveLength(1_002);
});

test("a call that is turned away for its scope or its rate leaves one line a minute", async () => {
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "1" } });
  const ci = bearer(tokenFor(bus.db, "ci", "publish"));
  for (let i = 0; i < 5; i++) expect((await rpcTool(bus.url, "list_sessions", {}, ci)).status).toBe(403);
  const publish = () => rpcTool(bus.url, "publish_event", { event_type: "t", payload: "p" }, ci);
  const statuses = async () =>
    (await Promise.all(Array.from({ length: 20 }, publish))).map(({ status }) => status);
  await eventually("too many at once", async () => (await statuses()).includes(429));
  const refused = (await linesOf(bus)).filter((line) => line.includes("refused ci with"));
  expect(refused).toEqual([
    expect.stringMatching(/ warn +refused ci with 403: The token ci has the scope publish, .*list_sessions/),
    expect.stringMatching(/ warn +refused ci with 429: ci published more than 200 events per second/),
  ]);
});
