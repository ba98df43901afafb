import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { openTokens } from "../../../src/tokens/token_files.ts";
import { programOf } from "../../support/bus.ts";
import { tempFolder } from "../../support/folder.ts";
import { serveUntilExit } from "../../support/serve.ts";
import { secretOf } from "../../support/tokens.ts";

const LAN = "192.168.77.1";
const HOUR = 3_600_000;

/** Every file in a folder but the log and what Bun keeps for itself. */
function madeIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith(".bun") && statSync(join(folder, name)).isFile())
    .filter((name) => name !== "bus.log" && name !== "bus.err");
}

test.each([
  [{ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1", AGENT_EVENT_BUS_AUTH_DISABLED: "1" }, "AUTH_DISABLED"],
  [{ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1", AGENT_EVENT_BUS_TRUST_HEADERS: "1" }, "TRUST_HEADERS"],
])("settings that contradict each other are refused: %j", async (env, other) => {
  const ended = await serveUntilExit({ folder: tempFolder(), args: ["--port", "0"], env });
  expect(ended.code).toBe(78);
  expect(ended.stderr).toContain(
    `AGENT_EVENT_BUS_REQUIRE_TOKEN and AGENT_EVENT_BUS_${other} cannot both be set`,
  );
});

test.each(["AUTH_DISABLED", "TRUST_HEADERS"])("a public bus refuses AGENT_EVENT_BUS_%s", async (other) => {
  const env = { AGENT_EVENT_BUS_INBOUND: "public", [`AGENT_EVENT_BUS_${other}`]: "1" };
  const ended = await serveUntilExit({ folder: tempFolder(), args: ["--port", "0"], env });
  expect(ended.code).toBe(78);
  expect(ended.stderr).toContain(
    `AGENT_EVENT_BUS_INBOUND=public and AGENT_EVENT_BUS_${other} cannot both be set, because strangers could`,
  );
});

describe("without any token, an address that other machines reach is refused, and nothing but a log is made", () => {
  const addresses = ["0.0.0.0", "::", LAN, "100.64.0.7", "fd00::7", "", "bus.example"];
  test.each(addresses)("HOST=%j", async (host) => {
    const folder = tempFolder();
    const args = ["--port", "0", "--db", join(folder, "data.db"), "--host", host];
    const ended = await serveUntilExit({ folder, args });
    expect(ended).toMatchObject({ code: 78, stdout: "" });
    expect(ended.stderr).toStartWith(`agent-event-bus: HOST is ${host}, so other machines can reach the bus`);
    expect(ended.stderr).toContain("agent-event-bus token create --name NAME");
    expect(ended.stderr).toContain("HOST=127.0.0.1");
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(madeIn(folder)).toEqual([]);
    expect(readFileSync(join(folder, "bus.log"), "utf8")).toContain(`error HOST is ${host}, so other`);
  });

  test("by the environment too, with --json as one document", async () => {
    const folder = tempFolder();
    const args = ["--port", "0", "--db", join(folder, "data.db"), "--json"];
    const ended = await serveUntilExit({ folder, args, env: { HOST: "0.0.0.0" } });
    expect(JSON.parse(ended.stdout)).toEqual({ error: expect.stringContaining("token create --name NAME") });
    expect(ended.code).toBe(78);
    expect(madeIn(folder)).toEqual([]);
  });

  test("a file that is no token does not open it", async () => {
    const folder = tempFolder();
    const db = join(folder, "data.db");
    await Bun.write(join(folder, "data.db.tokens", "odd.json"), "{}");
    const ended = await serveUntilExit({ folder, args: ["--port", "0", "--db", db, "--host", "0.0.0.0"] });
    expect(ended.code).toBe(78);
    expect(madeIn(folder)).toEqual(["data.db.tokens/odd.json"]);
  });
});

const noNamespaces = Bun.spawnSync(["unshare", "-n", "ip", "link", "set", "lo", "up"], {
  stderr: "ignore",
}).success
  ? null
  : "no network namespace of its own can be made";
if (noNamespaces !== null) console.log(`skipped: buses that listen for other machines: ${noNamespaces}`);

/** Starts a bus in a network that nobody reaches; resolves with its log when it listens. */
async function logOfStart(folder: string, host: string, env: Record<string, string> = {}): Promise<string> {
  const network = `ip link set lo up && ip addr add ${LAN}/32 dev lo && exec "$@"`;
  const serve = [...(await programOf("binary")), "serve", "--port", "0", "--db", join(folder, "data.db")];
  const child = Bun.spawn(["unshare", "-n", "sh", "-c", network, "sh", ...serve, "--host", host], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...{ PATH: process.env.PATH ?? "", HOME: folder },
      ...{ AGENT_EVENT_BUS_LOG: join(folder, "bus.log"), AGENT_EVENT_BUS_ERR: join(folder, "bus.err") },
      ...env,
    },
  });
  afterAll(() => child.kill("SIGKILL"));
  let told = "";
  for await (const chunk of child.stdout) {
    told += new TextDecoder().decode(chunk);
    if (told.includes("listens on")) break;
  }
  child.kill("SIGTERM");
  const stderr = await new Response(child.stderr).text();
  expect({ told, stderr, code: await child.exited }).toEqual({
    ...{ told: expect.stringContaining("agent-event-bus listens on"), stderr: "", code: 0 },
  });
  return readFileSync(join(folder, "bus.log"), "utf8");
}

describe.skipIf(noNamespaces !== null)("it starts there", () => {
  test.each(["0.0.0.0", LAN])("with a token: %s", async (host) => {
    const folder = tempFolder();
    secretOf(openTokens(join(folder, "data.db"), Date.now).create("laptop", "publish", null));
    expect(await logOfStart(folder, host)).not.toContain("warn ");
  });

  test("with tokens that are all expired or revoked, and a warning at every start", async () => {
    const folder = tempFolder();
    const tokens = openTokens(join(folder, "data.db"), () => Date.now() - 2 * HOUR);
    tokens.create("old", "full", HOUR);
    tokens.create("gone", "full", null);
    tokens.revoke("gone");
    const warning = "warn  every token has expired or been revoked, so other machines need a tailnet login";
    for (const starts of [1, 2])
      expect((await logOfStart(folder, "0.0.0.0")).split(warning)).toHaveLength(starts + 1);
  });

  test.each(["AGENT_EVENT_BUS_TRUST_HEADERS", "AGENT_EVENT_BUS_AUTH_DISABLED"])(
    "without any token when %s is set, and a warning at every start",
    async (name) => {
      const folder = tempFolder();
      for (const starts of [1, 2]) {
        const log = await logOfStart(folder, "0.0.0.0", { [name]: "1" });
        expect(log.split(`warn  ${name} is set, so `)).toHaveLength(starts + 1);
      }
    },
  );
});
