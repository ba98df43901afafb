import { expect, test } from "bun:test";
import { startHere } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";

const bus = await startHere();
await bus.call("register_session", { name: "colourful", client_id: "c-1" });
await bus.call("publish_event", { event_type: "help_needed", payload: "look", title: "Head" });
await bus.call("register_webhook", { url: "https://example.com/" });

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`);
const shown = [
  ["sessions"],
  ["channels"],
  ["events"],
  ["webhook", "list"],
  ["publish", "--type=t", "--payload=p"],
];
const noTerminal = process.platform === "win32";

/** Without ages, which grow from one command to the next, the room they take, and dates, which only pipes get. */
function ageless(shown: string): string {
  return shown.replace(/ *\b(now|\d+ s ago)\b */g, " AGE ").replace(/^\d{4}-\d\d-\d\d (?=\d\d:)/gm, "");
}

for (const argv of shown) {
  const name = argv.slice(0, 2).join(" ");

  test.skipIf(noTerminal)(`${name} is coloured on a terminal`, async () => {
    const screen = await cliOnTerminal(argv, { bus });
    expect(screen).toMatch(COLOUR);
    const plain = Bun.stripANSI(screen).replaceAll("\r\n", "\n");
    if (!argv.includes("publish")) {
      const piped = (await cli(argv, { bus })).stdout;
      expect(ageless(plain)).toBe(ageless(piped));
    }
  });

  test.skipIf(noTerminal)(`${name} has no colour with NO_COLOR or on a dumb terminal`, async () => {
    expect(await cliOnTerminal(argv, { bus, env: { NO_COLOR: "1" } })).not.toMatch(COLOUR);
    expect(await cliOnTerminal(argv, { bus, env: { TERM: "dumb" } })).not.toMatch(COLOUR);
  });

  test(`${name} has no colour in a pipe`, async () => {
    expect((await cli(argv, { bus, env: { TERM: "xterm-256color" } })).stdout).not.toMatch(COLOUR);
  });

  test.skipIf(noTerminal)(`${name} --json has no colour on a terminal either`, async () => {
    expect(await cliOnTerminal([...argv, "--json"], { bus })).not.toMatch(COLOUR);
  });
}

const colouring: [line: string, env: Record<string, string>, coloured: boolean][] = [
  ["events", { FORCE_COLOR: "1" }, true],
  ["events", { FORCE_COLOR: "0" }, false],
  ["events", { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ["events --color always", {}, true],
  ["events --color=always", { NO_COLOR: "1" }, true],
  ["--color always events", { TERM: "dumb" }, true],
  ["events --color never", { FORCE_COLOR: "1" }, false],
  ["events --color auto", { FORCE_COLOR: "1" }, false],
  ["events --json --color always", { FORCE_COLOR: "1" }, false],
];

for (const [line, env, coloured] of colouring)
  test(`in a pipe, ${line} with ${JSON.stringify(env)} has ${coloured ? "" : "no "}colour`, async () => {
    const { stdout, code } = await cli(line.split(" "), { bus, env });
    expect({ coloured: COLOUR.test(stdout), code }).toEqual({ coloured, code: 0 });
  });

test("--color takes auto, always and never", async () => {
  const { stderr, code } = await cli(["events", "--color", "red"], { bus });
  expect([stderr, code]).toEqual([
    'agent-event-bus: --color is one of auto, always, never, not "red".\n',
    64,
  ]);
});

test("help has no colour", async () => {
  expect((await cli(["--help"])).stdout).not.toMatch(COLOUR);
});
