import { expect, test } from "bun:test";
import { join } from "node:path";
import { allCommands } from "../../src/cli/registry.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { expectGolden } from "../support/golden.ts";

const bus = await startBus("binary");
await bus.call("register_session", { name: "api", client_id: "api" });
const home = tempFolder();

/** What people type wrong, as words of a shell. */
const MISTAKES: readonly string[][] = [
  ["sesions"],
  ["session"],
  ["list"],
  ["ls"],
  ["who"],
  ["sned", "api", "hi"],
  ["send"],
  ["send", "api"],
  ["send", "--to", "api", "hi"],
  ["send", "apy", "hi"],
  ["publish"],
  ["publish", "--message", "hi"],
  ["reply", "hello"],
  ["reply", "17"],
  ["reply", "4711", "hello"],
  ["reply", "17a", "hello"],
  ["ask", "api"],
  ["ask", "api", "ready?", "--timeout", "soon"],
  ["events", "--since", "soon"],
  ["events", "--limit", "ten"],
  ["events", "-x"],
  ["events", "--order", "newest"],
  ["events", "--from", "nobody"],
  ["events", "10"],
  ["events", "--wait", "600"],
  ["message", "last"],
  ["attention"],
  ["attention", "api", "--mute", "later"],
  ["attention", "apy", "--mute", "1h"],
  ["inbox", "api"],
  ["webhook"],
  ["webhook", "delete", "1"],
  ["webhook", "remove", "1"],
  ["webhook", "add"],
  ["webhook", "add", "localhost:3000/hook"],
  ["webhook", "add", "ftp://example.com/"],
  ["webhook", "rm", "all"],
  ["webhook", "rm", "1"],
  ["token"],
  ["token", "create"],
  ["token", "delete", "laptop"],
  ["token", "revoke", "laptop"],
  ["install"],
  ["unistall"],
  ["restart", "now"],
  ["statuss"],
  ["backup"],
  ["restore"],
  ["notify", "Build done"],
  ["--color", "red", "sessions"],
  ["--port", "9090", "sessions"],
];

const typed = (line: readonly string[]) =>
  line.map((word) => (/^[\w@:./-]+$/.test(word) ? word : `"${word}"`)).join(" ");

test("each typical mistake has its sentence, and no command that changes what is there is proposed", async () => {
  const page: string[] = [];
  for (const line of MISTAKES) {
    const { stdout, stderr, code } = await cli(line, { bus, env: { HOME: home } });
    const right = code === 0 && !stderr.startsWith("Warning");
    expect({ line, right }).toEqual({ line, right: false });
    for (const [, proposed] of stderr.matchAll(/Did you mean "([^"]+)"/g)) {
      const effect = allCommands().find(({ name }) => name === proposed)?.effect;
      expect({ line, effect: effect === "changes" }).toEqual({ line, effect: false });
    }
    page.push(`$ agent-event-bus ${typed(line)}\n${stdout}${stderr}[${code}]\n`);
  }
  expect(MISTAKES.length).toBeGreaterThanOrEqual(40);
  expectGolden(join(import.meta.dir, "mistakes.txt"), page.join("\n").replaceAll(home, "~"));
});
