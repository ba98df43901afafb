import { afterAll, expect, test } from "bun:test";
import { type AddressInfo, createServer } from "node:net";
import { PROCESS_HEADER } from "../../../src/config/client.ts";
import type { Verdict } from "../../../src/http/access/authenticate.ts";
import { type GuardOptions, RULES } from "../../../src/http/access/guard.ts";
import {
  aRequest,
  CLIENTS,
  CODINGS,
  FORWARDING,
  type Headers_,
  HOSTS,
  LOGINS,
  ORIGINS,
  originOf,
  SERVED,
  SITES,
  TYPES,
} from "../../support/access.ts";
import {
  createIdentities,
  from,
  guardAt,
  LOOPBACK,
  logins,
  STRANGERS,
  TAILNET,
} from "../../support/identity.ts";

const { tokens, secret } = createIdentities();
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const JO = "jo@example.com";
const EVE = { ...SERVED, "tailscale-user-login": "eve@example.com" };

type Row = readonly [
  address: string | null,
  headers: Headers_,
  outcome: string | number,
  options?: Partial<GuardOptions>,
  port?: number,
];

const head = (name: string, rows: typeof HOSTS): Row[] =>
  rows.map(([value, status]) => ["127.0.0.1", { [name]: value }, status === 200 ? "local" : status]);

/** A process in a terminal, and the port of its connection to this test. */
async function inTerminal(): Promise<{ pid: number; port: number }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer((socket) => resolve(socket.remotePort ?? 0));
  await new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(undefined)));
  const { port } = server.address() as AddressInfo;
  const child = Bun.spawn(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${port}; read -r`], {
    env: { PATH: process.env.PATH ?? "" },
    terminal: { cols: 80, rows: 24, data() {} },
  });
  afterAll(() => {
    child.kill("SIGKILL");
    server.close();
  });
  return { pid: child.pid, port: await promise };
}

const terminal = await inTerminal();

const login = await logins.make({ token: undefined });
const PAGE = { cookie: `agent-event-bus-8080=${login.cookie}`, "x-agent-event-bus-page": login.half };

/** Every rule of the guard at work: who asks how, and the origin that is let in or the status of the refusal. */
const MATRIX: readonly Row[] = [
  ...head("host", HOSTS),
  ...head("origin", ORIGINS),
  ...head("sec-fetch-site", SITES),
  ...head("content-type", TYPES),
  ...head("content-encoding", CODINGS),
  ...LOOPBACK.map((address): Row => [address, {}, "local"]),
  ...STRANGERS.map((address): Row => [address, SERVED, 401]),
  ...TAILNET.map(([address, who]): Row => [address, {}, who]),
  ...FORWARDING.map((name): Row => ["127.0.0.1", { [name]: "x" }, 401]),
  ...LOGINS.map(([login, status]): Row => {
    const outcome = status === 200 ? originOf(String(login)) : status;
    return ["127.0.0.1", { ...SERVED, "tailscale-user-login": login }, outcome];
  }),
  ...CLIENTS.map(([client, status]): Row => {
    return ["127.0.0.1", { ...SERVED, "x-forwarded-for": client }, status === 200 ? JO : status];
  }),
  ["127.0.0.1", { ...bearer(secret.laptop), "tailscale-funnel-request": "?1" }, 403],
  ["203.0.113.9", bearer(secret.laptop), "laptop"],
  ["127.0.0.1", bearer(secret.ci), "ci"],
  ["127.0.0.1", bearer(secret.old), 401],
  ["127.0.0.1", bearer(secret.gone), 401],
  ["127.0.0.1", bearer("aeb_wrong"), 401],
  ["127.0.0.1", { [PROCESS_HEADER]: String(terminal.pid) }, "in a terminal", {}, terminal.port],
  ["127.0.0.1", { [PROCESS_HEADER]: String(terminal.pid) }, "local", {}, terminal.port + 1],
  ["127.0.0.1", PAGE, "person"],
  ["203.0.113.9", PAGE, "person"],
  ["127.0.0.1", { ...PAGE, cookie: null }, 401],
  ["127.0.0.1", { ...PAGE, "x-agent-event-bus-page": "x" }, 401],
  ["127.0.0.1", { ...PAGE, "x-agent-event-bus-page": null }, "local"],
  ["127.0.0.1", { ...PAGE, ...bearer(secret.ci) }, "ci"],
  ["127.0.0.1", PAGE, "person", { onlyTokens: true }],
  ["127.0.0.1", {}, 401, { onlyTokens: true }],
  ["127.0.0.1", SERVED, 401, { onlyTokens: true }],
  ["100.64.0.7", {}, 401, { onlyTokens: true }],
  ["127.0.0.1", SERVED, "local", { trustHeaders: true }],
  ["203.0.113.9", { "tailscale-user-login": JO }, JO, { trustHeaders: true }],
  ["203.0.113.9", SERVED, "unverified", { open: true }],
  ["127.0.0.1", EVE, 403, { allowedLogins: [JO] }],
  ["100.127.255.254", {}, 403, { allowedLogins: [JO] }],
];

function outcomeOf(found: Verdict): string | number {
  if ("status" in found) return found.status;
  return found.terminal === undefined ? found.origin : "in a terminal";
}

/** Rows that come out otherwise than the matrix says. */
async function redRows(rules: typeof RULES): Promise<Row[]> {
  const red: Row[] = [];
  for (const row of MATRIX) {
    const [address, headers, outcome, options, port] = row;
    const found = await guardAt({ tokens, ...options }, rules).check(from(address, aRequest(headers), port));
    if (outcomeOf(found) !== outcome) red.push(row);
  }
  return red;
}

test("with every rule no row of the matrix is red", async () => {
  expect(await redRows(RULES)).toEqual([]);
});

for (const [i, rule] of RULES.entries())
  test(`without the rule ${rule.name} a row turns red`, async () => {
    const red = await redRows(RULES.with(i, () => null));
    expect(red.length).toBeGreaterThan(0);
    console.log(`without ${rule.name}: ${red.length} of ${MATRIX.length} rows red`);
  });
