// Who tries to use the page in the place of its user, by real HTTP and the compiled bus.
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PageCodes } from "../../../src/domain/page_codes.ts";
import { createPageLogins } from "../../../src/http/access/page_login.ts";
import { openTokens } from "../../../src/tokens/token_files.ts";
import { startAgent } from "../../support/asking.ts";
import { binary } from "../../support/binary.ts";
import { startBus } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { tempFolder } from "../../support/folder.ts";
import { rowsOf } from "../../support/original.ts";
import { post, raw } from "../../support/raw.ts";
import { ask, codeOf, exchange, type PageHeaders, signIn } from "../../support/signed_in.ts";
import { endUsers, newUser, noUsers } from "../../support/users.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startBus("binary");
const page = await signIn(bus);
await bus.call("ask", { to: "@human", payload: "which color?", wait_seconds: 0 });
const ANSWER = { need_id: 1, words: ["blue"] };
const OUT = { error: "Signed out. To sign in: agent-event-bus open" };
const COOKIE = page.cookie.slice(page.cookie.indexOf("=") + 1);
const NAME = page.cookie.slice(0, page.cookie.indexOf("="));

/** Nothing was answered and nothing published in the name of the user. */
async function expectUntouched(): Promise<void> {
  const { result } = await bus.call("list_needs");
  expect(result).toEqual([expect.objectContaining({ need_id: 1, state: "open" })]);
  const { events } = await bus.call("get_events", { limit: 100 });
  const forged = events.filter(({ payload, origin }: Record<string, string>) => {
    return origin === "person" || /forged/.test(String(payload));
  });
  expect(forged).toEqual([]);
}

describe("a login has two halves", () => {
  const with_ = (cookie: string | null, half: string | null): Record<string, string> => ({
    ...(cookie !== null && { cookie: `${NAME}=${cookie}` }),
    ...(half !== null && { "x-agent-event-bus-page": half }),
  });
  const half = page["x-agent-event-bus-page"];
  const [expires = "", nonce = "", token = "", mac = ""] = COOKIE.split(".");
  const changed = (text: string) => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
  const wrong: [how: string, headers: Record<string, string>][] = [
    ["the key without the cookie", with_(null, half)],
    ["a wrong key", with_(COOKIE, half.replace(/.$/, half.endsWith("A") ? "B" : "A"))],
    ["an empty key", with_(COOKIE, "")],
    ["the signature of the cookie as the key", with_(COOKIE, mac)],
    ["two keys", with_(COOKIE, `${half}, ${half}`)],
    ["a longer time", with_([Number(expires) + 1, nonce, token, mac].join("."), half)],
    ["another nonce", with_([expires, changed(nonce), token, mac].join("."), half)],
    ["another token", with_([expires, nonce, "0".repeat(64), mac].join("."), half)],
    ["another signature", with_([expires, nonce, token, changed(mac)].join("."), half)],
    ["no signature", with_([expires, nonce, token, ""].join("."), half)],
    ["less", with_(COOKIE.slice(0, -1), half)],
    ["more", with_(`${COOKIE}A`, half)],
    ["the cookie of another port", { ...with_(null, half), cookie: `agent-event-bus-1=${COOKIE}` }],
    ["a cookie of the same end", { ...with_(null, half), cookie: `x${NAME}=${COOKIE}` }],
  ];

  test.each(wrong)("%s is signed out", async (_, headers) => {
    for (const path of ["/api/answer", "/api/publish_event"]) {
      const answer = await ask(bus, path, headers, { ...ANSWER, event_type: "message", payload: "forged" });
      expect([answer.status, await answer.json()]).toEqual([401, OUT]);
    }
    expect((await ask(bus, "/api/stream", headers)).status).toBe(401);
  });

  test("the cookie without the key is a program of this machine, and not the user", async () => {
    const answer = await ask(bus, "/api/answer", { cookie: page.cookie }, ANSWER);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      409,
      expect.stringContaining("Only the user may answer."),
    ]);
    expect((await ask(bus, "/api/stream", { cookie: page.cookie })).status).toBe(403);
  });

  test("a cookie that another program of the host set beside it does no harm", async () => {
    const cookie = `${NAME}=tossed; ${page.cookie}; ${NAME}=1.2.3.4`;
    expect((await ask(bus, "/api/list_needs", { ...page, cookie }, {})).status).toBe(200);
  });

  test("a login of another bus, or of another login, is none", async () => {
    const theirs = await signIn(await startBus("binary"));
    const renamed = { ...theirs, cookie: `${NAME}=${theirs.cookie.slice(theirs.cookie.indexOf("=") + 1)}` };
    expect((await ask(bus, "/api/list_needs", renamed, {})).status).toBe(401);
    const second = await signIn(bus);
    const mixed = { ...page, cookie: second.cookie };
    expect((await ask(bus, "/api/list_needs", mixed, {})).status).toBe(401);
  });

  test("an expired one is none, and neither is one that the key of the database did not sign", async () => {
    const key = Buffer.from(String(rowsOf(bus.db, "bus").find((row) => row.key === "key")?.value), "hex");
    const made = async (signer: Uint8Array, at: number) => {
      const login = await createPageLogins({ key: () => signer, now: () => at }).make({ token: undefined });
      return { cookie: `${NAME}=${login.cookie}`, "x-agent-event-bus-page": login.half };
    };
    const days = (count: number) => Date.now() - count * 86_400_000;
    expect((await ask(bus, "/api/list_needs", await made(key, days(29)), {})).status).toBe(200);
    expect((await ask(bus, "/api/list_needs", await made(key, days(31)), {})).status).toBe(401);
    expect((await ask(bus, "/api/list_needs", await made(new Uint8Array(32), days(0)), {})).status).toBe(401);
  });

  test("the key is shown nowhere", async () => {
    const key = String(rowsOf(bus.db, "bus").find((row) => row.key === "key")?.value);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const shown = [await bus.call("list_sessions"), await bus.call("get_events", { limit: 1000 })];
    const reads = await Promise.all(
      ["/health", "/metrics", "/"].map(async (path) => (await ask(bus, path)).text()),
    );
    const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
    for (const text of [JSON.stringify(shown), ...reads, log]) {
      expect(text).not.toContain(key);
      expect(text).not.toContain(page["x-agent-event-bus-page"]);
    }
  });
});

describe("another site in the browser, which sends the cookie along", () => {
  const sites: [how: string, headers: Record<string, string>, status: number][] = [
    ["its origin", { origin: "https://evil.example" }, 403],
    ["no origin of its own", { origin: "null" }, 403],
    ["the browser's word", { "sec-fetch-site": "cross-site" }, 403],
    [
      "a program on another port",
      { "sec-fetch-site": "same-site", origin: `http://127.0.0.1:${bus.port}` },
      403,
    ],
    ["a link", { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" }, 403],
    ["a rebound name", { host: "evil.example" }, 421],
    ["a rebound name with this port", { host: `evil.example:${bus.port}` }, 421],
  ];

  const send = (line: string, headers: Record<string, string>, body = "") =>
    raw(bus.port, post(body, { host: `127.0.0.1:${bus.port}`, ...headers }, `${line} HTTP/1.1`));

  test.each(sites)("%s gives it away", async (_, headers, status) => {
    for (const more of [{ cookie: page.cookie }, { ...page }] as Record<string, string>[]) {
      const given = { ...more, ...headers };
      expect((await send("POST /api/answer", given, JSON.stringify(ANSWER))).status).toBe(status);
      expect((await send("POST /api/sign_in", given, '{"code":"x"}')).status).toBe(status);
      expect((await send("POST /api/sign_out", given)).status).toBe(status);
      for (const path of ["/api/stream", "/api/needs", "/api/events", "/metrics"])
        expect((await send(`GET ${path}`, given)).status).toBe(status);
    }
    await expectUntouched();
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "a form cannot send JSON, only %s",
    async (type) => {
      for (const path of ["/api/answer", "/api/publish_event", "/api/open_page", "/api/sign_in"]) {
        const given = { ...page, "content-type": type };
        expect((await send(`POST ${path}`, given, JSON.stringify(ANSWER))).status).toBe(415);
      }
      await expectUntouched();
    },
  );

  test("is never allowed what a browser asks for in advance", async () => {
    const asked = {
      origin: `http://localhost:${bus.port + 1}`,
      "access-control-request-method": "POST",
      "access-control-request-headers": "x-agent-event-bus-page",
    };
    const answer = await send("OPTIONS /api/answer", asked);
    expect(answer.status).toBe(405);
    expect(answer.head.toLowerCase()).not.toContain("access-control-");
  });

  test("cannot change anything by GET", async () => {
    for (const path of [
      "/api/answer",
      "/api/publish_event",
      "/api/open_page",
      "/api/sign_in",
      "/api/sign_out",
    ])
      expect((await send(`GET ${path}`, page)).status).toBe(405);
  });
});

describe("a link", () => {
  test("that was used is worth nothing, whoever was first", async () => {
    const code = await codeOf(bus);
    const all = await Promise.all(Array.from({ length: 8 }, () => exchange(bus, code)));
    expect(all.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 401)]);
  });

  test("works for a minute", async () => {
    const codes = new PageCodes(new Uint8Array(32));
    const grant = { token: undefined, user: undefined };
    const [early, late] = [await codes.make(grant, 0), await codes.make(grant, 0)];
    expect(early.until).toBe(60_000);
    expect(await codes.take(early.code, 59_999)).toMatchObject(grant);
    expect(await codes.take(late.code, 60_000)).toBeUndefined();
    const answer = await ask(bus, "/api/open_page", bearer(tokenFor(bus.db, "minute", "answer")), {});
    const { expires_at } = (await answer.json()) as { expires_at: string };
    expect(Math.abs(Date.parse(expires_at) - Date.now() - 60_000)).toBeLessThan(50_000);
  });

  test("drops the oldest of more than a hundred that wait", async () => {
    const codes = new PageCodes(new Uint8Array(32));
    const made = [];
    for (let i = 0; i < 101; i++) made.push(await codes.make({ token: `${i}`, user: undefined }, 0));
    expect(await codes.take(made[0]?.code ?? "", 1)).toBeUndefined();
    expect(await codes.take(made[1]?.code ?? "", 1)).toMatchObject({ token: "1" });
  });

  test("is none if it is guessed, malformed or missing", async () => {
    for (const body of [{ code: "A".repeat(22) }, { code: 7 }, { code: ["x"] }, {}, null, [], "x"])
      expect((await ask(bus, "/api/sign_in", {}, body)).status).toBe(401);
    expect((await ask(bus, "/api/sign_in", {}, { code: "x".repeat(5_000_000) })).status).toBe(413);
  });

  test("is worth nothing once the token is revoked that asked for it", async () => {
    const secret = tokenFor(bus.db, "phone", "answer");
    const { code } = (await (await ask(bus, "/api/open_page", bearer(secret), {})).json()) as {
      code: string;
    };
    openTokens(bus.db, Date.now).revoke("phone");
    expect((await exchange(bus, code)).status).toBe(401);
  });

  test("is given to no other token, and to no program without a terminal", async () => {
    for (const scope of ["read", "publish", "full"] as const) {
      const answer = await ask(bus, "/api/open_page", bearer(tokenFor(bus.db, `try-${scope}`, scope)), {});
      expect([scope, answer.status]).toEqual([scope, 409]);
      expect(await answer.json()).toEqual({ error: expect.stringContaining("Only the user may answer.") });
    }
    expect((await ask(bus, "/api/open_page", {}, {})).status).toBe(409);
    const { events } = await bus.call("get_events", { event_types: ["answer_refused"], limit: 50 });
    expect(events.map(({ payload }: { payload: string }) => payload)).toContain(
      "The token try-read tried to answer for you, and was refused: open.",
    );
    const mcp = await bus.call("open_page", {}).catch((error) => String(error));
    expect(JSON.stringify(mcp)).toContain("Unknown tool: open_page");
  });

  test("a read token does not answer", async () => {
    const answer = await ask(bus, "/api/answer", bearer(tokenFor(bus.db, "reader", "read")), ANSWER);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      409,
      expect.stringContaining("Only the user may answer."),
    ]);
    await expectUntouched();
  });
});

describe.skipIf(process.platform !== "linux")("an agent", () => {
  /** What the agent's command shows, with its marks and without. */
  async function tried(command: string): Promise<{ session: string; shown: string }> {
    const file = join(tempFolder(), "shown");
    const agent = startAgent({ CLAUDECODE: "1", AGENT_EVENT_BUS_URL: bus.url });
    const session = await agent.register(bus);
    agent.run(`${command} > ${file} 2>&1; echo done >> ${file}`);
    const text = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
    await eventually("the command ends", () => text().endsWith("done\n"));
    return { session, shown: text().replace(/\s+/g, " ") };
  }

  const curl = (path: string, body: unknown, headers: PageHeaders) =>
    `curl -s -H 'content-type: application/json' ${Object.entries(headers)
      .map(([name, value]) => `-H '${name}: ${value}'`)
      .join(" ")} -d '${JSON.stringify(body)}' ${new URL(path, bus.url).href}`;

  const commands = [
    `${binary} open --no-browser`,
    `env -u CLAUDECODE ${binary} open --no-browser`,
    `setsid --wait script -qec '${binary} open --no-browser' /dev/null`,
  ];
  test.each(commands)("does not open the page: %s", async (command) => {
    const { session, shown } = await tried(command);
    expect(shown).toContain(`The session ${session} started this process.`);
    expect(shown).not.toContain("#code=");
    const { events } = await bus.call("get_events", { event_types: ["answer_refused"], limit: 50 });
    expect(events.map(({ payload }: { payload: string }) => payload)).toContain(
      `The session ${session} (r) tried to answer for you, and was refused: open.`,
    );
  });

  test("does not answer, publish, read the inbox or the stream with a stolen login", async () => {
    const { session, shown } = await tried(curl("/api/answer", ANSWER, page));
    expect(shown).toContain(`The session ${session} started this process. Agents may not answer`);
    const forged = { event_type: "message", payload: "forged" };
    expect((await tried(curl("/api/publish_event", forged, page))).shown).toContain("Nothing was published.");
    expect((await tried(`env -u CLAUDECODE ${curl("/api/publish_event", forged, page)}`)).shown).toContain(
      "Nothing was published.",
    );
    expect((await tried(curl("/api/open_page", {}, page))).shown).not.toContain('"code"');
    const stream = curl("/api/stream", {}, page).replace(/-d '{}'/, "");
    expect((await tried(stream)).shown).toContain("Agents may not answer for their user.");
    await expectUntouched();
  });

  test("does not use a stolen login by MCP, where nobody looks who asks", async () => {
    const call = (name: string, args: unknown) =>
      ask(bus, "/mcp", page, {
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name, arguments: args },
      });
    const published = await call("publish_event", { event_type: "message", payload: "forged" });
    expect(await published.text()).toContain("Nothing was published.");
    expect(await (await call("answer", ANSWER)).text()).toContain("Unknown tool: answer");
    await expectUntouched();
  });

  test("does not publish as the user in the name of a session", async () => {
    const args = { event_type: "note", payload: "in a name", session_id: "someone" };
    expect((await ask(bus, "/api/publish_event", page, args)).status).toBe(200);
    const { events } = await bus.call("get_events", { limit: 1 });
    expect(events[0]).toMatchObject({ session_id: "someone", origin: "unverified" });
  });
});

test.skipIf(noUsers !== null)(
  "another user of the machine does not use a link that a browser opens",
  async () => {
    const [user, other] = [newUser(4_331), newUser(4_332)];
    afterAll(endUsers);
    const theirs = await user.serve();
    const secret = tokenFor(join(user.home, ".claude/contrib/agent-event-bus/data.db"), "mine", "answer");
    Bun.spawnSync(["chown", "-R", `${user.uid}:${user.uid}`, join(user.home, ".claude")]);
    const run = async (who: typeof user, path: string, body: unknown, more: readonly string[] = []) => {
      const child = Bun.spawnSync([
        ...[...who.inside, "curl", "-s", "-w", "\n%{http_code}", "-H", "content-type: application/json"],
        ...[...more, "-d", JSON.stringify(body), new URL(path, theirs.url).href],
      ]);
      const [text = "", status] = child.stdout.toString().split("\n");
      return { value: JSON.parse(text), status: Number(status) };
    };
    const code = async () => {
      const asked = await run(user, "/api/open_page", { browser: true }, [
        "-H",
        `authorization: Bearer ${secret}`,
      ]);
      return asked.value.code;
    };
    for (const disguise of [[], ["-H", "x-forwarded-for: 100.64.0.9"], ["-H", "via: x"]]) {
      const stolen = await run(other, "/api/sign_in", { code: await code() }, disguise);
      expect([stolen.status, stolen.value.error]).toEqual([
        403,
        "This link works in a browser of the user who made it.",
      ]);
    }
    expect((await run(user, "/api/sign_in", { code: await code() })).status).toBe(200);
  },
);
