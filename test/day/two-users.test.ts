// Two users of one machine at work beside each other. Their sessions have the same names and ids.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import type { ProcessBus } from "../support/bus.ts";
import { DATA } from "../support/home.ts";
import { runIn } from "../support/process.ts";
import { endUsers, newUser, noUsers } from "../support/users.ts";

if (noUsers !== null) console.log(`skipped: a day of two users of one machine (${noUsers})`);

afterAll(endUsers);

const NAMES = ["api", "web"];

/** Sends the request that its words tell, and prints the status and the answer. */
const REQUEST = `const [url, token, unix, body] = process.argv.slice(2);
const headers = { "content-type": "application/json", accept: "application/json" };
if (token) headers.authorization = "Bearer " + token;
try {
  const response = await fetch(url, { method: body ? "POST" : "GET", headers, body: body || undefined, ...(unix && { unix }) });
  console.log(response.status, await response.text());
} catch (error) {
  console.log(error.code);
}`;

/** A user with a bus that asks for a token, and a session for each name. */
async function atWork(uid: number) {
  const user = newUser(uid);
  const bus = await user.serve({ env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
  user.write(`${DATA}/settings.env`, `PORT=${bus.port}\n`);
  const { token } = JSON.parse((await user.run(["token", "create", "--name", "own", "--json"])).stdout);
  user.write(`${DATA}/token`, token);
  const hook = async (name: string, session: string) => {
    const input = { session_id: `client-${session}`, cwd: `/srv/${session}`, prompt: "go on" };
    return (await user.run(["hook", name], { stdin: JSON.stringify(input) })).stdout;
  };
  for (const name of NAMES)
    expect(await hook("session-start", name)).toContain(`registered as \\"${name}\\"`);
  return { user, bus, token: String(token), hook };
}

type Worker = Awaited<ReturnType<typeof atWork>>;

async function delivery({ user }: Worker, id: number): Promise<string> {
  const { stdout } = await user.run(["message", String(id), "--json"]);
  return JSON.parse(stdout).deliveries[0].state;
}

async function sent({ user }: Worker, to: string, text: string): Promise<number> {
  const { code, stdout, stderr } = await user.run(["send", to, text, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout).event_id;
}

describe.skipIf(noUsers !== null)("a day of two users", () => {
  let alice: Worker;
  let bo: Worker;
  let secret: string;
  let message: number;

  beforeAll(async () => {
    [alice, bo] = [await atWork(61_011), await atWork(61_012)];
    secret = fresh("for-the-sessions-of-alice");
    bo.user.write("request.mjs", REQUEST);
    const bun = join(bo.user.home, "bun");
    copyFileSync(process.execPath, bun);
    chmodSync(bun, 0o755);
  });

  test("a message to a name that both have reaches the session of its own user alone", async () => {
    for (const [one, other] of [
      [alice, bo],
      [bo, alice],
    ] as const) {
      const text = fresh("morning");
      const id = await sent(one, "api", text);
      for (const name of NAMES) expect(await other.hook("prompt", name)).not.toContain(text);
      expect(await one.hook("tool", "web")).not.toContain(text);
      expect(await delivery(one, id)).toBe("stored");
      expect(await one.hook("prompt", "api")).toContain(text);
      expect(await delivery(one, id)).toBe("seen");
      expect((await other.user.run(["events", "--all", "--full"])).stdout).not.toContain(text);
    }
  });

  const CALLS: readonly [tool: string, args: object][] = [
    ["get_events", {}],
    ["get_events", { session_id: "client-api", resume: true }],
    ["collect_events", { client_id: "client-api", path: "prompt", limit: 20 }],
    ["confirm_events", { client_id: "client-api", event_ids: ["1", "2", "3", "4", "5", "6", "7", "8"] }],
    ["ack_events", { session_id: "client-api", cursor: "5" }],
    ["register_session", { name: "api", client_id: "client-api" }],
    ["unregister_session", { session_id: "client-api" }],
    ["register_webhook", { url: "http://127.0.0.1:9/", channel: "session:" }],
    ["list_sessions", {}],
    ["reply", { event_id: 3, payload: "in the place of api" }],
  ];
  const PATHS = ["/api/events", "/api/sessions", "/api/needs", "/api/stream", "/metrics", "/mcp"];

  /** A request of bo's own program, with no token or with his. */
  async function boAsks(path: string, token: string, unix = "", body = "", of = alice): Promise<string> {
    const { home, inside } = bo.user;
    const url = `http://127.0.0.1:${of.bus.port}${path}`;
    const words = [...inside, join(home, "bun"), join(home, "request.mjs"), url, token, unix, body];
    const { stdout } = await runIn(words, { cwd: home, env: { HOME: home } });
    expect(stdout).not.toContain(secret);
    return stdout.trim();
  }

  const socketOf = ({ user, bus }: Worker) => join(user.home, DATA, `${bus.port}.sock`);

  test("no call of the other user's programs reads, takes or answers it", async () => {
    message = await sent(alice, "api", secret);
    // His own bus answers the same program.
    expect(await boAsks("/api/sessions", bo.token, "", "", bo)).toStartWith("200 ");
    expect(await boAsks("/api/sessions", bo.token, socketOf(bo), "", bo)).toStartWith("200 ");
    for (const token of ["", bo.token, "aeb_guess"]) {
      for (const [tool, args] of CALLS) {
        const params = { name: tool, arguments: args };
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
        expect(await boAsks("/mcp", token, "", body)).toStartWith("401 ");
        expect(await boAsks("/mcp", token, socketOf(alice), body)).not.toMatch(/^\d/);
      }
      for (const path of PATHS) expect(await boAsks(path, token)).toStartWith("401 ");
    }
    expect(await delivery(alice, message)).toBe("stored");
  });

  test("no command and no hook of the other user does, whatever he sets", async () => {
    const url = `http://127.0.0.1:${alice.bus.port}/mcp`;
    const AS: readonly Record<string, string>[] = [
      { AGENT_EVENT_BUS_URL: url },
      { AGENT_EVENT_BUS_URL: url, AGENT_EVENT_BUS_BUS_USER: "any" },
      { AGENT_EVENT_BUS_URL: url, AGENT_EVENT_BUS_BUS_USER: "any", AGENT_EVENT_BUS_TOKEN: bo.token },
      { AGENT_EVENT_BUS_URL: url, AGENT_EVENT_BUS_BUS_USER: "any", HOME: alice.user.home },
    ];
    const stdin = JSON.stringify({ session_id: "client-api", cwd: "/srv/api", prompt: "go on" });
    for (const env of AS) {
      for (const args of [["events"], ["inbox"], ["message", String(message)], ["sessions"]]) {
        const { code, stdout, stderr } = await bo.user.run(args, { env });
        expect([args, code === 0, (stdout + stderr).includes(secret)]).toEqual([args, false, false]);
      }
      for (const name of ["session-start", "prompt", "tool", "stop", "session-end"]) {
        const { code, stdout, stderr } = await bo.user.run(["hook", name], { env, stdin });
        expect([name, code, stderr, stdout.includes(secret)]).toEqual([name, 0, "", false]);
      }
    }
    expect(await delivery(alice, message)).toBe("stored");
  });

  test("no file of the bus can be read by the other user", async () => {
    const own = await runIn([...bo.user.inside, "sh", "-c", `cat ${bo.user.home}/${DATA}/token`], {
      ...{ cwd: bo.user.home, env: {} },
    });
    expect(own.stdout).toBe(bo.token);
    const look = `find ${alice.user.home} -mindepth 1 2>/dev/null; cat ${alice.user.home}/${DATA}/* 2>/dev/null`;
    const { stdout } = await runIn([...bo.user.inside, "sh", "-c", look], { cwd: bo.user.home, env: {} });
    expect(stdout).toBe("");
  });

  test("the session of its own user gets it all the same, once", async () => {
    expect(await alice.hook("prompt", "api")).toContain(secret);
    expect(await delivery(alice, message)).toBe("seen");
    expect(await alice.hook("prompt", "api")).toBe("");
    const { result } = await listed(alice.bus, alice.token);
    expect(result.map(({ client_id }) => client_id).sort()).toEqual(NAMES.map((name) => `client-${name}`));
  });
});

async function listed(bus: ProcessBus, token: string): Promise<{ result: { client_id: string }[] }> {
  const response = await fetch(bus.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "list_sessions", arguments: {} },
    }),
  });
  return (await response.json()).result.structuredContent;
}
