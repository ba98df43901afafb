import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTokens } from "../../src/tokens/token_files.ts";
import { newest } from "../support/agent.ts";
import { type ProcessBus, startBus, startHere, type TestBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { rpc } from "../support/rpc.ts";
import { MINUTE, START, secretOf } from "../support/tokens.ts";
import { eventually } from "../support/webhook.ts";

const PUBLISH = {
  ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
  params: { name: "publish_event", arguments: { event_type: "note", payload: "hello" } },
};

async function statusOf(bus: TestBus, secret: string): Promise<number> {
  return (await rpc(bus.url, PUBLISH, { authorization: `Bearer ${secret}` })).status;
}

/** The same program's commands, in another process, on the database of a bus. */
function tokenCommand(bus: ProcessBus, ...args: string[]) {
  return cli(["token", ...args, "--db", bus.db, "--json"], { env: { HOME: bus.folder } });
}

describe.each(["binary", "node"] as const)("a running bus (%s) sees at its next request", (kind) => {
  test("what `token create` and `token revoke` did in another process", async () => {
    const bus = await startBus(kind);
    expect(await statusOf(bus, "aeb_guess")).toBe(401);
    const { token } = (await tokenCommand(bus, "create", "--name", "laptop")).json();
    expect(await statusOf(bus, token)).toBe(200);
    expect((await newest(bus)).origin).toBe("laptop");
    expect((await tokenCommand(bus, "revoke", "laptop")).code).toBe(0);
    expect(await statusOf(bus, token)).toBe(401);
    const next = (await tokenCommand(bus, "create", "--name", "laptop")).json().token;
    expect([await statusOf(bus, token), await statusOf(bus, next)]).toEqual([401, 200]);
    await bus.stop();
  });

  test("changes that come within milliseconds of each other, and of the last request", async () => {
    const bus = await startBus(kind);
    const tokens = openTokens(bus.db, Date.now);
    const rounds = 100;
    let last = "";
    for (let i = 0; i < rounds; i++) {
      const secret = secretOf(tokens.create("laptop", "full", null));
      expect([i, await statusOf(bus, secret)]).toEqual([i, 200]);
      if (last !== "") expect([i, await statusOf(bus, last)]).toEqual([i, 401]);
      tokens.revoke("laptop");
      expect([i, await statusOf(bus, secret)]).toEqual([i, 401]);
      last = secret;
    }
    console.log(`${kind}: ${rounds * 2} changes, each seen at the next request`);
    await bus.stop();
  });
});

/** Edits a token's file in place, which leaves the time of its folder as it is. */
function edit(bus: TestBus, name: string, change: Record<string, unknown>): void {
  const file = join(`${bus.db}.tokens`, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...change }));
}

test("a token file that is edited in place counts for a running bus", async () => {
  const bus = await startBus("binary");
  const tokens = openTokens(bus.db, Date.now);
  const secret = secretOf(tokens.create("laptop", "full", null));
  // By then the folder is not read at every request.
  await Bun.sleep(2_100);
  const EDITS: readonly [change: Record<string, unknown>, status: number][] = [
    [{ expires_at: "2026-01-01T00:00:00.000Z" }, 401],
    [{ expires_at: null }, 200],
    [{ revoked_at: "2026-01-01T00:00:00.000Z" }, 401],
    [{ revoked_at: null }, 200],
    [{ hash: new Bun.CryptoHasher("sha256").update("aeb_other").digest("hex") }, 401],
  ];
  for (const [change, status] of EDITS) {
    expect(await statusOf(bus, secret)).not.toBe(status);
    edit(bus, "laptop", change);
    await eventually(JSON.stringify(change), async () => (await statusOf(bus, secret)) === status);
  }
  expect(await statusOf(bus, "aeb_other")).toBe(200);
  edit(bus, "laptop", { scope: "read" });
  await eventually("it may only read", async () => (await statusOf(bus, "aeb_other")) === 403);
  await bus.stop();
});

test("a bad file in the folder is in the way of no remote call, and named once in the log and by doctor", async () => {
  const bus = await startBus("binary");
  const folder = `${bus.db}.tokens`;
  const secret = secretOf(openTokens(bus.db, Date.now).create("laptop", "full", null));
  const { hash } = JSON.parse(readFileSync(join(folder, "laptop.json"), "utf8"));
  const odd = { name: "list", scope: "full", hash: [hash], created_at: "2026-03-01T12:00:00.000Z" };
  writeFileSync(join(folder, "list.json"), JSON.stringify({ ...odd, expires_at: null, revoked_at: null }));
  symlinkSync(join(folder, "loop.json"), join(folder, "loop.json"));
  mkdirSync(join(folder, "folder.json"));
  for (let call = 0; call < 5; call++) {
    expect(await statusOf(bus, secret)).toBe(200);
    expect(await statusOf(bus, "aeb_guess")).toBe(401);
    await Bun.sleep(300);
  }
  const log = () => readFileSync(join(bus.folder, "bus.log"), "utf8");
  for (const name of ["list", "loop", "folder"])
    expect(
      log().split(`warn  ${join(folder, `${name}.json`)} is not a token file and is ignored.`),
    ).toHaveLength(2);
  // Mended, it is a token like any other. Damaged again, it is named again.
  const mended = secretOf(
    openTokens(join(bus.folder, "elsewhere.db"), Date.now).create("list", "full", null),
  );
  writeFileSync(join(folder, "list.json"), readFileSync(join(bus.folder, "elsewhere.db.tokens/list.json")));
  await eventually("it counts", async () => (await statusOf(bus, mended)) === 200);
  writeFileSync(join(folder, "list.json"), "{");
  await eventually("it does not count", async () => (await statusOf(bus, mended)) === 401);
  const named = () => log().split(`${join(folder, "list.json")} is not a token file`).length - 1;
  await eventually("it is named again", async () => named() === 2);
  const env = { HOME: bus.folder };
  mkdirSync(join(bus.folder, DATA), { recursive: true, mode: 0o700 });
  const settings = `PORT=${new URL(bus.url).port}\nAGENT_EVENT_BUS_DB=${bus.db}\n`;
  writeFileSync(join(bus.folder, DATA, "settings.env"), settings, { mode: 0o600 });
  const checked = await cli(["check", "--db", bus.db, "--json"], { env });
  expect(checked.stdout).toContain("folder.json, ");
  const { stdout } = await cli(["doctor", "--json"], { env });
  const { checks } = JSON.parse(stdout);
  const findings = checks.filter(({ found }: { found: string }) => found.includes("not token files"));
  expect(findings).toHaveLength(1);
  for (const name of ["list", "loop", "folder"])
    expect(findings[0].found.split(join(folder, `${name}.json`))).toHaveLength(2);
  await bus.stop();
});

test("a token expires for a running bus at its moment", async () => {
  let now = START;
  const bus = await startHere({ now: () => now });
  const secret = secretOf(openTokens(bus.db, () => now).create("ci", "full", MINUTE));
  now += MINUTE - 1;
  expect(await statusOf(bus, secret)).toBe(200);
  now += 1;
  const { status, message } = await rpc(bus.url, PUBLISH, { authorization: `Bearer ${secret}` });
  expect([status, message.error]).toEqual([
    401,
    expect.stringContaining("The token ci expired at 2026-03-01T12:01:00.000Z"),
  ]);
});

test("the token itself is nowhere on disk: not in the database, not in a log, not beside them", async () => {
  const bus = await startBus("binary");
  const { token } = (await tokenCommand(bus, "create", "--name", "laptop")).json();
  expect(await statusOf(bus, token)).toBe(200);
  expect(await statusOf(bus, `${token}x`)).toBe(401);
  const asRejected = { authorization: `Bearer ${token}`, "tailscale-funnel-request": "?1" };
  expect((await rpc(bus.url, PUBLISH, asRejected)).status).toBe(403);
  expect((await rpc(bus.url, PUBLISH, { authorization: `Basic ${token}`, via: "x" })).status).toBe(401);
  await tokenCommand(bus, "revoke", "laptop");
  expect(await statusOf(bus, token)).toBe(401);
  expect((await tokenCommand(bus, "list")).stdout).not.toContain(token.slice(4, 24));
  await bus.stop();
  const files = readdirSync(bus.folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(bus.folder, name))
    .filter((path) => statSync(path).isFile());
  expect(files.map((path) => path.slice(bus.folder.length + 1))).toContain("data.db.tokens/laptop.json");
  for (const path of files) {
    const text = readFileSync(path, "latin1");
    for (const part of [token.slice(4, 24), token.slice(-20), btoa(token).slice(8, 28)])
      expect([path, text.includes(part)]).toEqual([path, false]);
  }
  const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
  expect(log).toContain("refused 127.0.0.1 with 401: This bus does not know the token");
  console.log(`${files.length} files hold no part of the token`);
});

test("the last use is kept by the bus and shown by `token list` of another process", async () => {
  const bus = await startBus("binary");
  const { token } = (await tokenCommand(bus, "create", "--name", "laptop")).json();
  const used = async () => (await tokenCommand(bus, "list")).json()[0].last_used_at;
  expect(await used()).toBeNull();
  await statusOf(bus, `${token}x`);
  expect(await used()).toBeNull();
  const before = Date.now();
  await statusOf(bus, token);
  await eventually("the use is kept", async () => (await used()) !== null);
  expect(Date.parse(await used())).toBeGreaterThanOrEqual(before - 1);
  await bus.stop();
});

test("files in the folder that are no token are warned of at every start, made private, and let nobody in", async () => {
  const folder = tempFolder();
  const kept = join(folder, "data.db.tokens");
  mkdirSync(kept, { mode: 0o777 });
  writeFileSync(join(kept, "odd.json"), "{}", { mode: 0o644 });
  mkdirSync(join(kept, "even.json"));
  const secret = secretOf(openTokens(join(folder, "data.db"), Date.now).create("laptop", "full", null));
  for (let start = 1; start <= 2; start++) {
    const bus = await startBus("binary", { folder });
    expect(await statusOf(bus, secret)).toBe(200);
    expect(await statusOf(bus, "")).toBe(401);
    await bus.stop();
    const log = readFileSync(join(folder, "bus.log"), "utf8");
    for (const name of ["odd.json", "even.json"])
      expect(log.split(`warn  ${join(kept, name)} is not a token file and is ignored`)).toHaveLength(
        start + 1,
      );
    expect(statSync(join(kept, "odd.json")).mode & 0o777).toBe(0o600);
  }
  const { stdout, stderr, code } = await cli(["token", "list", "--db", join(folder, "data.db")]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("laptop")]);
  expect(stderr).toContain(`${join(kept, "odd.json")}`);
});
