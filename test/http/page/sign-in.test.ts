// Signing in to the page, by real HTTP and the compiled bus.
import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { startBus } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { cli, cliOnTerminal } from "../../support/cli.ts";
import { ask, codeOf, exchange, halvesOf, signIn } from "../../support/signed_in.ts";

const bus = await startBus("binary");
const COOKIE = `agent-event-bus-${bus.port}`;

describe("the files of the page", () => {
  test("are there for anyone, with a policy that lets nothing else in", async () => {
    const answer = await fetch(new URL("/", bus.url), { headers: { "accept-encoding": "identity" } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = answer.headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "frame-ancestors 'none'",
      "script-src 'self'",
      "form-action 'none'",
    ])
      expect(policy.split("; ")).toContain(part);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    const html = await answer.text();
    for (const [, path = ""] of html.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g))
      expect([path, (await fetch(new URL(path, bus.url))).status]).toEqual([path, 200]);
    expect(html).not.toMatch(/https?:|<script>|\son\w+=| style=/);
  });

  test("come compressed where that is accepted, and not again while they are the same", async () => {
    const url = new URL("/page/page.js", bus.url);
    const plain = await (await fetch(url, { headers: { "accept-encoding": "identity" } })).text();
    const packed = await fetch(url, { headers: { "accept-encoding": "gzip, br" }, decompress: false });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(await packed.arrayBuffer()).toString()).toBe(plain);
    const etag = packed.headers.get("etag") ?? "";
    const again = await fetch(url, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("are no others", async () => {
    for (const path of ["/page/", "/page/x", "/page/..%2ffiles.ts", "/page/constructor", "/page/page.html"])
      expect([path, (await fetch(new URL(path, bus.url))).status]).toEqual([path, 404]);
  });
});

describe("open", () => {
  test("prints a link that signs in once", async () => {
    const code = await codeOf(bus);
    const first = await exchange(bus, code);
    expect(first.status).toBe(200);
    expect(first.headers.get("set-cookie")).toMatch(
      new RegExp(`^${COOKIE}=[\\w.-]+; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict$`),
    );
    const answer = await ask(bus, "/api/list_needs", await halvesOf(first), {});
    expect([answer.status, await answer.json()]).toEqual([200, []]);
    const second = await exchange(bus, code);
    expect([second.status, await second.json()]).toEqual([
      401,
      { error: "This link was used already, or its minute is over. Make another with: agent-event-bus open" },
    ]);
  });

  test("is for a terminal or a token of the scope answer", async () => {
    const piped = await cli(["open", "--no-browser"], { bus });
    expect([piped.code, piped.stderr]).toEqual([1, expect.stringContaining("Only the user may answer.")]);
    for (const scope of ["read", "publish", "full", "answer"] as const) {
      const env = { AGENT_EVENT_BUS_TOKEN: tokenFor(bus.db, `${scope}-1`, scope) };
      const { code, stdout } = await cli(["open", "--no-browser", "--json"], { bus, env });
      expect([scope, code]).toEqual([scope, scope === "answer" ? 0 : 1]);
      if (scope === "answer")
        expect(JSON.parse(stdout)).toEqual({
          url: expect.stringMatching(new RegExp(`^http://127.0.0.1:${bus.port}/#code=[\\w-]{22}$`)),
          expires_at: expect.any(String),
          opened: false,
        });
    }
  });

  test("tells what to do with the link", async () => {
    const shown = await cliOnTerminal(["open", "--no-browser"], { bus });
    expect(shown).toContain("Open this link in your browser within a minute. It works once:");
  });
});

describe("the page", () => {
  test("publishes and answers as the user", async () => {
    const page = await signIn(bus);
    const sent = await ask(bus, "/api/publish_event", page, { event_type: "message", payload: "hello" });
    expect(sent.status).toBe(200);
    const { events } = await bus.call("get_events", { limit: 1 });
    expect(events[0]).toMatchObject({ session_id: "human", origin: "person", payload: "hello" });
    await bus.call("ask", { to: "@human", payload: "which color?", wait_seconds: 0 });
    const [need] = (await (await ask(bus, "/api/list_needs", page, {})).json()) as { need_id: number }[];
    const answered = await ask(bus, "/api/answer", page, { need_id: need?.need_id, words: ["blue"] });
    expect(await answered.json()).toMatchObject({ answer: "blue" });
    const { result } = await bus.call("list_needs", { all: true });
    expect(result[0]).toMatchObject({ state: "answered", by: "person", via: "page" });
  });

  test("stays signed in when the bus is killed, until it signs out", async () => {
    const other = await startBus("binary");
    const page = await signIn(other);
    await other.kill();
    const again = await startBus("binary", { folder: other.folder, port: other.port });
    expect((await ask(again, "/api/list_needs", page, {})).status).toBe(200);
    const out = await fetch(new URL("/api/sign_out", again.url), { method: "POST", headers: page });
    expect(out.headers.get("set-cookie")).toStartWith(`agent-event-bus-${other.port}=; Path=/; Max-Age=0;`);
  });

  test("is signed out with a token that is revoked", async () => {
    const secret = tokenFor(bus.db, "laptop", "answer");
    const made = await ask(bus, "/api/open_page", bearer(secret), {});
    const { code } = (await made.json()) as { code: string };
    const page = await halvesOf(await exchange(bus, code));
    expect((await ask(bus, "/api/list_needs", page, {})).status).toBe(200);
    expect((await cli(["token", "revoke", "laptop", "--db", bus.db])).code).toBe(0);
    const after = await ask(bus, "/api/list_needs", page, {});
    expect([after.status, await after.json()]).toEqual([
      401,
      { error: "Signed out. To sign in: agent-event-bus open" },
    ]);
  });
});
