import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { openTokens } from "../../src/tokens/token_files.ts";
import { startAgent } from "../support/asking.ts";
import { programOf } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, startAtHome } from "../support/home.ts";
import { secretOf } from "../support/tokens.ts";
import { eventually } from "../support/webhook.ts";

const DAY = 86_400_000;

/** Runs a token command in a HOME of its own. */
function commands() {
  const folder = tempFolder();
  const db = join(folder, DATA, "data.db");
  const run = (...args: string[]) => cli(["token", ...args], { env: { HOME: folder }, cwd: folder });
  return { folder, db, run };
}

describe("token create", () => {
  test("shows the token once, with the lines that use it", async () => {
    const { db, run } = commands();
    const { stdout, stderr, code } = await run("create", "--name", "laptop");
    expect([code, stderr]).toEqual([0, ""]);
    const secret = /^ {2}(aeb_[A-Za-z0-9_-]{43})$/m.exec(stdout)?.[1] ?? "";
    expect(stdout).toStartWith("Token laptop, scope full, never expires. Shown only now:\n");
    expect(stdout).toContain(
      `On the other machine:\n  agent-event-bus install client --url http://${hostname()}:8080/mcp --token ${secret}\n`,
    );
    expect(stdout).toEndWith(
      "The bus listens on 127.0.0.1 only, which other machines do not reach. To change that: agent-event-bus install server --host 0.0.0.0\n",
    );
    expect(openTokens(db, Date.now).find(secret)).toMatchObject({
      state: "valid",
      token: { name: "laptop" },
    });
  });

  test("--json prints one document with the token", async () => {
    const { db, run } = commands();
    const before = Date.now();
    const result = await run("create", "--name", "ci", "--scope", "publish", "--expires", "90d", "--json");
    const made = result.json();
    expect(made).toEqual({
      ...{ name: "ci", scope: "publish", token: expect.stringMatching(/^aeb_/) },
      ...{ created_at: expect.any(String), expires_at: expect.any(String) },
      ...{
        url: `http://${hostname()}:8080/mcp`,
        notes: [expect.stringContaining("listens on 127.0.0.1 only")],
      },
    });
    expect(Date.parse(made.created_at)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(90 * DAY);
    expect(openTokens(db, Date.now).find(made.token)?.token.scope).toBe("publish");
    expect([result.code, result.stderr]).toEqual([0, ""]);
  });

  test.each([
    [
      "HOST=0.0.0.0\nPORT=9090\n",
      `http://${hostname()}:9090/mcp`,
      /^$|If that machine does not know the name/,
    ],
    ["HOST=192.168.7.8\n", "http://192.168.7.8:8080/mcp", /^$/],
    [
      "AGENT_EVENT_BUS_ALLOWED_HOSTS=my-server.my-tailnet.ts.net\n",
      "https://my-server.my-tailnet.ts.net/agent-event-bus/mcp",
      /tailscale serve/,
    ],
  ])("names the bus by its settings: %j", async (settings, url, note) => {
    const { db, run } = commands();
    mkdirSync(join(db, ".."), { recursive: true });
    writeFileSync(join(db, "../settings.env"), settings);
    const made = (await run("create", "--name", "ci", "--scope", "publish", "--json")).json();
    expect([made.url, made.notes.join()]).toEqual([url, expect.stringMatching(note)]);
    const { stdout } = await run("create", "--name", "ci2", "--scope", "publish");
    expect(stdout).toContain(`  export AGENT_EVENT_BUS_URL=${url}\n  export AGENT_EVENT_BUS_TOKEN=aeb_`);
  });

  test("names the bus by where it listens, whatever its settings say", async () => {
    const { folder, db, run } = commands();
    const bus = await startAtHome(folder, db);
    writeFileSync(join(db, "../settings.env"), "HOST=0.0.0.0\nPORT=9090\n");
    const made = (await run("create", "--name", "laptop", "--json")).json();
    expect(made.url).toBe(`http://${hostname()}:${bus.port}/mcp`);
    expect(made.notes).toEqual([
      expect.stringMatching(/127\.0\.0\.1 only.* To change that: agent-event-bus restart$/),
    ]);
    await bus.stop();
  });

  test.each([
    ["1m", 60_000],
    ["12h", DAY / 2],
    ["4w", 28 * DAY],
    ["100y", 36_500 * DAY],
  ])("--expires %s", async (text, ms) => {
    const made = (await commands().run("create", "--name", "a", "--expires", text, "--json")).json();
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(ms);
  });

  test("--db and AGENT_EVENT_BUS_DB name the bus that it opens", async () => {
    const folder = tempFolder();
    const [flag, env] = [join(folder, "flag.db"), join(folder, "env.db")];
    const options = { env: { HOME: folder, AGENT_EVENT_BUS_DB: env } };
    await cli(["token", "create", "--name", "a", "--db", flag], options);
    await cli(["token", "create", "--name", "b"], options);
    expect(openTokens(flag, Date.now).list()).toMatchObject([{ name: "a" }]);
    expect(openTokens(env, Date.now).list()).toMatchObject([{ name: "b" }]);
    expect(readdirSync(folder).filter((name) => !name.startsWith("."))).toEqual([
      "env.db.tokens",
      "flag.db.tokens",
    ]);
  });

  test("refuses the name of a valid token with 1, and takes that of a revoked one", async () => {
    const { run } = commands();
    const first = (await run("create", "--name", "laptop", "--json")).json();
    const again = await run("create", "--name", "laptop", "--json");
    expect(again.json()).toEqual({
      error: expect.stringContaining("There is a valid token laptop already."),
    });
    expect(again.code).toBe(1);
    const plain = await run("create", "--name", "laptop");
    expect([plain.code, plain.stdout]).toEqual([1, ""]);
    expect(plain.stderr).toContain("first: agent-event-bus token revoke laptop");
    expect((await run("revoke", "laptop")).code).toBe(0);
    const next = (await run("create", "--name", "laptop", "--json")).json();
    expect(next.token).not.toBe(first.token);
  });
});

describe("a token with the scope answer", () => {
  const words = ["token", "create", "tablet", "--scope", "answer"];

  test("is made in a terminal", async () => {
    const { folder, db } = commands();
    const shown = await cliOnTerminal(words, { env: { HOME: folder } });
    expect(shown).toContain("scope answer, never expires. Shown only now:");
    expect(openTokens(db, Date.now).list()).toMatchObject([{ name: "tablet", scope: "answer" }]);
  });

  const REFUSED = "Nothing was made. ";

  test("is not made in a pipe", async () => {
    const { db, run } = commands();
    const { code, stderr } = await run(...words.slice(1));
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${REFUSED}A token with the scope answer`)]);
    expect(existsSync(`${db}.tokens`)).toBe(false);
  });

  test.each(["CLAUDECODE", "AI_AGENT"])("is not made by an agent: %s", async (mark) => {
    const { folder, db } = commands();
    const shown = await cliOnTerminal(words, { env: { HOME: folder, [mark]: "1" } });
    expect(shown.replace(/\s+/g, " ")).toContain(`${REFUSED}Only the user may make a token`);
    expect(existsSync(`${db}.tokens`)).toBe(false);
  });

  test.skipIf(process.platform !== "linux")("is not made below an agent's process", async () => {
    const { folder, db } = commands();
    const [program = ""] = await programOf("binary");
    const line = `exec env -u CLAUDECODE HOME=${folder} script -qc '${program} ${words.join(" ")}' ${folder}/shown`;
    const agent = startAgent({ CLAUDECODE: "1" });
    agent.run(`bash -c "${line}; :"`);
    const shown = () => (existsSync(`${folder}/shown`) ? readFileSync(`${folder}/shown`, "utf8") : "");
    await eventually("it is refused", () => shown().includes(REFUSED));
    expect(existsSync(`${db}.tokens`)).toBe(false);
  });
});

test("token list shows every token with its state, and never a token", async () => {
  const { db, run } = commands();
  expect(await run("list")).toMatchObject({ stdout: "No tokens.\n", stderr: "", code: 0 });
  expect((await run("list", "--json")).json()).toEqual([]);
  expect(existsSync(`${db}.tokens`)).toBe(false);
  const yesterday = openTokens(db, () => Date.now() - DAY);
  const secrets = [
    secretOf(yesterday.create("old", "read", DAY / 2)),
    secretOf(yesterday.create("gone", "full", null)),
    secretOf(yesterday.create("ci", "publish", 2 * DAY)),
  ];
  await run("revoke", "gone");
  const { stdout, stderr, code } = await run("list");
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout.trim().split("\n");
  expect(lines[0]?.split(/ {2,}/)).toEqual(["NAME", "SCOPE", "STATE", "CREATED", "EXPIRES", "LAST USED"]);
  expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
    ["ci", "publish", "valid"],
    ["gone", "full", "revoked"],
    ["old", "read", "expired"],
  ]);
  const listed = await run("list", "--json");
  expect(listed.json()).toMatchObject([
    { name: "ci", state: "valid", revoked_at: null, last_used_at: null },
    { name: "gone", state: "revoked", revoked_at: expect.any(String), expires_at: null },
    { name: "old", state: "expired", expires_at: expect.any(String) },
  ]);
  for (const shown of [stdout, listed.stdout])
    for (const secret of [...secrets, "hash"]) expect(shown).not.toContain(secret);
});

test("token revoke shuts a token out, and says since when, also the second time", async () => {
  const { run } = commands();
  await run("create", "--name", "laptop");
  const first = await run("revoke", "laptop", "--json");
  expect(first.json()).toEqual({ success: true, name: "laptop", revoked_at: expect.any(String) });
  expect((await run("revoke", "laptop", "--json")).json()).toEqual(first.json());
  const plain = await run("revoke", "laptop");
  expect(plain).toMatchObject({ code: 0, stderr: "" });
  expect(plain.stdout).toMatch(/^Token laptop is revoked since /);
  for (const more of [[], ["--json"]]) {
    const nobody = await run("revoke", "nobody", ...more);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain("There is no token nobody. agent-event-bus token list shows them.");
    if (more.length > 0) expect(nobody.json()).toEqual({ error: expect.stringContaining("no token nobody") });
  }
});

const NAME_RULE = "is not a valid token name. Use 1 to 64 of";
const mistakes: [argv: string[], says: string, code?: number][] = [
  [[], "token needs a command: create, list, revoke."],
  [["lst"], 'Unknown command "token lst". Did you mean "token list"?'],
  [["create"], "token create needs a NAME."],
  [["create", "--name"], "--name needs a value."],
  [["create", "laptop", "mine"], 'Unexpected argument "mine".'],
  [["create", "--name", ""], NAME_RULE],
  [["create", "--name", "Laptop"], NAME_RULE],
  [["create", "--name", "../laptop"], NAME_RULE],
  [["create", "--name", "jo@example.com"], NAME_RULE],
  [["create", "--name", "a".repeat(65)], NAME_RULE],
  [["create", "--name", "\x1b[2J"], NAME_RULE],
  [["create", "--name", "local"], 'The name "local" is reserved.'],
  [
    ["create", "--name", "a", "--scope", "root"],
    '--scope is one of full, publish, read, answer, not "root".',
  ],
  [["create", "--name", "a", "--scope", ""], "--scope is one of full, publish, read"],
  [
    ["create", "--name", "a", "--expires", "soon"],
    '--expires takes a time like 90d, 12h, 4w or 1y, at most 100y, not "soon".',
  ],
  [["create", "--name", "a", "--expires", "0d"], 'not "0d".'],
  [["create", "--name", "a", "--expires", "-1d"], 'not "-1d".'],
  [["create", "--name", "a", "--expires", "90"], 'not "90".'],
  [["create", "--name", "a", "--expires", "1.5h"], 'not "1.5h".'],
  [["create", "--name", "a", "--expires", "101y"], 'not "101y".'],
  [["create", "--name", "a", "--expires", ""], 'not "".'],
  [["create", "--name", "a", "--db", ""], "--db needs a file.", 78],
  [["list", "--name", "a"], "Unknown flag --name."],
  [["list", "all"], 'Unexpected argument "all".'],
  [["list", "--url", "http://127.0.0.1:1/mcp"], "token list works on this machine alone and takes no --url."],
  [["revoke"], "token revoke needs a NAME."],
  [["revoke", "a", "b"], 'Unexpected argument "b".'],
  [["revoke", "--name", "a"], "Unknown flag --name."],
];
describe("wrong usage is told of with 64, and makes nothing", () => {
  for (const [argv, says, code = 64] of mistakes)
    test(JSON.stringify(argv).slice(0, 80), async () => {
      const { folder, run } = commands();
      const plain = await run(...argv);
      expect(plain).toMatchObject({ code, stdout: "" });
      expect(plain.stderr).toContain(says);
      expect(plain.stderr).not.toContain("\x1b");
      const json = await cli(["--json", "token", ...argv], { env: { HOME: folder }, cwd: folder });
      expect([json.code, json.json().error]).toEqual([code, expect.stringContaining(says)]);
      expect(readdirSync(folder).filter((name) => name !== ".bun")).toEqual([]);
    });
});
