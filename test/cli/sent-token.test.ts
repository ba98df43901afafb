import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTokens } from "../../src/tokens/token_files.ts";
import { newest } from "../support/agent.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { type CliResult, cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { secretOf } from "../support/tokens.ts";

const PUBLISH = ["publish", "--type", "note", "--payload", "hello"];

describe("the token that a command sends", () => {
  /** A HOME with a kept token, and the commands of its person. */
  function person(text: string, mode = 0o600) {
    const home = tempFolder();
    const folder = join(home, ".claude/contrib/agent-event-bus");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, "token");
    writeFileSync(file, text);
    chmodSync(file, mode);
    const run = (
      bus: { url: string },
      env: Record<string, string> = {},
      args = PUBLISH,
      kind?: "node" | "binary",
    ) => cli(args, { bus, env: { HOME: home, ...env }, ...(kind && { kind }) });
    return { file, run };
  }

  async function busWith(env: Record<string, string>): Promise<ProcessBus & { secret: string; ci: string }> {
    const bus = await startBus("binary", { env });
    const tokens = openTokens(bus.db, Date.now);
    const [secret, ci] = [tokens.create("laptop", "full", null), tokens.create("ci", "publish", null)].map(
      secretOf,
    );
    return Object.assign(bus, { secret: secret ?? "", ci: ci ?? "" });
  }

  /** A refusal by the bus: its sentence on stderr, in JSON on stdout too, exit code 1. */
  async function expectRefused(
    run: (more: string[]) => Promise<CliResult>,
    says: string,
    inShellWords = says,
  ): Promise<void> {
    const plain = await run([]);
    expect([plain.code, plain.stdout]).toEqual([1, ""]);
    expect(plain.stderr).toStartWith(`agent-event-bus: ${inShellWords}`);
    const json = await run(["--json"]);
    expect([json.code, json.json().error]).toEqual([1, expect.stringContaining(says)]);
  }

  test("is AGENT_EVENT_BUS_TOKEN, to a bus on this machine too", async () => {
    const bus = await busWith({});
    const { run } = person("aeb_unused");
    expect(await run(bus, { AGENT_EVENT_BUS_TOKEN: bus.secret })).toMatchObject({ code: 0, stderr: "" });
    expect((await newest(bus)).origin).toBe("laptop");
    await bus.stop();
  });

  for (const kind of ["binary", "node"] as const)
    test(`is the kept one when the bus on this machine asks for one (${kind})`, async () => {
      const bus = await busWith({ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" });
      const { run } = person(`  ${bus.secret}\n`);
      expect(await run(bus, {}, PUBLISH, kind)).toMatchObject({ code: 0, stderr: "" });
      const read = await run(bus, {}, ["events", "--json"], kind);
      expect(read.json().events).toMatchObject([{ payload: "hello", origin: "laptop" }]);
      await bus.stop();
    });

  test("is none when the bus on this machine asks for none: the file is not even looked at", async () => {
    const bus = await busWith({});
    for (const { run } of [person(bus.secret), person(bus.secret, 0o644)]) {
      expect(await run(bus)).toMatchObject({ code: 0, stderr: "" });
      expect((await newest(bus)).origin).toBe("local");
    }
    await bus.stop();
  });

  test("is the kept one at once for a bus that is not on this machine", async () => {
    // Another name of this machine, which the program does not know as one.
    const bus = await busWith({ AGENT_EVENT_BUS_ALLOWED_HOSTS: "0.0.0.0" });
    const elsewhere = { url: `http://0.0.0.0:${bus.port}/mcp` };
    expect(await person(bus.secret).run(elsewhere)).toMatchObject({ code: 0, stderr: "" });
    expect((await newest(bus)).origin).toBe("laptop");
    expect((await person(bus.secret, 0o640).run(elsewhere)).code).toBe(78);
    await bus.stop();
  });

  test("is never one that others of the machine can read: 78, and how to repair it", async () => {
    const bus = await busWith({ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" });
    for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o601]) {
      const { file, run } = person(bus.secret, mode);
      const { code, stdout, stderr } = await run(bus);
      expect([code, stdout]).toEqual([78, ""]);
      expect(stderr).toBe(
        `agent-event-bus: ${file} can be read by other users of this machine. Run: chmod 600 ${file}\n`,
      );
      expect((await run(bus, {}, [...PUBLISH, "--json"])).json().error).toContain("chmod 600");
      chmodSync(file, 0o600);
      expect((await run(bus)).code).toBe(0);
    }
    await bus.stop();
  });

  test("was wrong, or none was there: 1, and the bus's own sentence", async () => {
    const bus = await busWith({ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" });
    const none = person("\n");
    await expectRefused(
      (more) => none.run(bus, {}, [...PUBLISH, ...more]),
      "Requests from 127.0.0.1 need a token",
    );
    const wrong = person("aeb_wrong");
    const says =
      "This bus does not know the token. Create one on the bus's machine with: agent-event-bus token create";
    await expectRefused((more) => wrong.run(bus, {}, [...PUBLISH, ...more]), says);
    const right = person(bus.secret);
    const env = { AGENT_EVENT_BUS_TOKEN: "aeb_wrong" };
    await expectRefused((more) => right.run(bus, env, [...PUBLISH, ...more]), says);
    expect((await bus.call("get_events").catch((error) => String(error))) as string).toContain("401");
    await bus.stop();
  });

  test("covers less than the command needs: 1, and which scope it has", async () => {
    const bus = await busWith({});
    const { run } = person(bus.ci);
    const env = { AGENT_EVENT_BUS_TOKEN: bus.ci };
    await expectRefused(
      (more) => run(bus, env, ["events", ...more]),
      "The token ci has the scope publish, which does not allow get_events",
      "The token ci has the scope publish, which does not allow events.",
    );
    expect(await run(bus, env)).toMatchObject({ code: 0, stderr: "" });
    await bus.stop();
  });

  test("goes to the bus that was named, and not to where that one sends on", async () => {
    const seen: (string | null)[] = [];
    const stranger = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch({ headers }) {
        seen.push(headers.get("authorization"));
        return Response.json({ error: "no" }, { status: 403 });
      },
    });
    const moved = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.redirect(`http://localhost:${stranger.port}/mcp`, 307),
    });
    for (const kind of ["binary", "node"] as const)
      await cli(PUBLISH, {
        bus: { url: `http://127.0.0.1:${moved.port}/mcp` },
        env: { AGENT_EVENT_BUS_TOKEN: "aeb_mine" },
        kind,
      });
    await Promise.all([stranger.stop(true), moved.stop(true)]);
    expect(seen).toEqual([null, null]);
  });
});
