import { expect, test } from "bun:test";
import { join } from "node:path";
import { tablesOf } from "../build/guide.ts";
import { argumentsOf } from "../src/cli/arguments.ts";
import { GLOBAL_FLAGS, parseLine } from "../src/cli/argv.ts";
import { commandsOf, exampleLine } from "../src/cli/commands.ts";
import { OTHER_COMMANDS } from "../src/cli/help.ts";
import { flagOf, isRequired } from "../src/lib/param.ts";
import { hookOperations } from "../src/operations/hooks/index.ts";
import { operations } from "../src/operations/index.ts";
import { startHere } from "./support/bus.ts";
import { countWords } from "./support/extra_operation.ts";
import { rpc } from "./support/rpc.ts";

const known = [...operations, countWords];
const bus = await startHere({ operations: [...known, ...hookOperations] });

async function extraCli(...argv: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "support/extra_cli.ts"), ...argv], {
    env: { PATH: process.env.PATH ?? "", HOME: bus.folder, AGENT_EVENT_BUS_URL: bus.url },
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { stdout, stderr, code: await child.exited };
}

test("an operation declared in one file is an MCP tool with its schema", async () => {
  const { message } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/list" });
  const tools = message.result.tools;
  const listed = known.filter((operation) => operation.listed === undefined);
  expect(tools.map(({ name }: { name: string }) => name)).toEqual(listed.map(({ name }) => name));
  // A bound that everyone guesses is not shown.
  expect(tools.at(-1).inputSchema.properties.at_least).not.toHaveProperty("minimum");
  expect(tools.at(-1)).toMatchObject({
    name: "count_words",
    description: "Count the words of a text.",
    annotations: { readOnlyHint: true },
    inputSchema: {
      type: "object",
      required: ["text"],
      properties: {
        text: { type: "string", description: "What to count" },
        at_least: { type: "integer", maximum: 9, default: 1, description: "Shortest word" },
      },
    },
  });
  expect(await bus.call("count_words", { text: "one three", at_least: 4 })).toEqual({ words: 1, tip: 0 });
});

test("what only hooks call is shown to nobody, has no command, takes a full caller, and can be called", async () => {
  expect(hookOperations.map(({ name }) => name)).toEqual([
    "start_session",
    "collect_events",
    "confirm_events",
    "report_dialog",
    "watch_inbox",
  ]);
  for (const { name, listed, commands, scope } of hookOperations) {
    expect([name, listed, commands, scope]).toEqual([name, false, [], undefined]);
    expect(known.map((operation) => operation.name)).not.toContain(name);
    expect(Object.values(tablesOf(known)).join("\n")).not.toContain(name);
  }
  const args = { client_id: "nobody", path: "prompt" };
  expect(await bus.call("collect_events", args)).toEqual({ unknown: true });
});

test("its arguments are checked", async () => {
  const params = { name: "count_words", arguments: { text: "x", at_least: 0 } };
  const { message } = await rpc(bus.url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
  expect(message.result.isError).toBe(true);
  expect(message.result.content[0].text).toBe("count_words: at_least must be at least 1, not 0.");
});

test("it is a CLI command with flags", async () => {
  const count = await extraCli("count", "--text", "one three", "--at-least", "4");
  expect(count).toEqual({ stdout: "1 words\n", stderr: "", code: 0 });
  const json = await extraCli("count", "--text", "one three", "--json");
  expect(JSON.parse(json.stdout)).toEqual({ words: 2, tip: 0 });
  expect((await extraCli("count")).stderr).toStartWith("agent-event-bus: count needs --text.\n");
  expect((await extraCli("count", "--text", "x", "--at-least", "10")).code).toBe(64);
  expect((await extraCli("conut")).stderr).toContain('Did you mean "count"?');
});

test("it is in the help", async () => {
  expect((await extraCli("--help")).stdout).toContain("  count               Count the words of a text.\n");
  const { stdout } = await extraCli("count", "--help");
  expect(stdout).toContain(
    "  --text <text>   What to count (required)\n  --at-least <n>  Shortest word (default 1)\n",
  );
  expect(stdout).toContain('  # two\n  agent-event-bus count --text "one two"\n');
});

test("it is in the tables of the guide and of the pages", () => {
  const tables = Object.values(tablesOf(known)).join("\n");
  for (const words of ["count_words", "Count the words of a text.", "Shortest word", "count --text"])
    expect(tables).toContain(words);
  expect(Object.values(tablesOf(operations)).join("\n")).not.toContain("count_words");
});

const commands = commandsOf(operations);
const twice = (names: readonly string[]) => names.filter((name, i) => names.indexOf(name) !== i);

test("no two operations have a tool or a command of the same name", () => {
  expect(twice(operations.map(({ name }) => name))).toEqual([]);
  expect(twice([...commands.map(({ name }) => name), ...OTHER_COMMANDS.map(({ name }) => name)])).toEqual([]);
  expect(commands.map(({ name }) => name)).not.toContain("help");
});

test("no command is the first word of another", () => {
  for (const { name } of commands)
    expect(commands.filter((other) => other.name.startsWith(`${name} `)).map((other) => other.name)).toEqual(
      [],
    );
});

test("no command has a flag twice, and only webhook register takes a flag of all commands for itself", () => {
  const global = GLOBAL_FLAGS.map(({ name }) => name);
  for (const { name, flags } of commands) {
    const names = flags.map((flag) => flag.name);
    expect(twice(names)).toEqual([]);
    expect(names.filter((flag) => global.includes(flag))).toEqual(name === "webhook register" ? ["url"] : []);
    for (const flag of names) expect(flag).toMatch(/^[a-z]+(-[a-z]+)*$/);
  }
});

test("names are in the shape of their kind", () => {
  for (const { name, params } of operations)
    for (const word of [name, ...Object.keys(params)]) expect(word).toMatch(/^[a-z]+(_[a-z]+)*$/);
  for (const { name } of commands) expect(name).toMatch(/^[a-z]+( [a-z]+)?$/);
});

test("everything says in one line of at most 120 characters what it is for", () => {
  const abouts = operations.flatMap(({ name, about, params, commands }) => [
    [name, about],
    ...Object.entries(params).map(([param, one]) => [`${name}.${param}`, one.about]),
    ...commands.flatMap((command) =>
      Object.entries(command.flags ?? {}).map(([flag, one]) => [flag, one.about]),
    ),
    ...commands.map((command) => [command.name, command.about ?? about]),
  ]);
  const bad = abouts.filter(([, about = ""]) => !/^\S.{0,118}\S$/.test(about));
  expect(bad).toEqual([]);
});

test("a parameter without a flag is optional, or the command gives it", () => {
  for (const { params, commands } of operations)
    for (const [name, param] of Object.entries(params))
      if (flagOf(name, param) === undefined && isRequired(param))
        for (const command of commands) expect(Object.keys({ ...command.fixed })).toContain(name);
});

test("a positional, and what a command always sends, are parameters", () => {
  for (const { params, commands } of operations)
    for (const { words = [], fixed, defaults } of commands)
      for (const name of [...words.map(({ param }) => param), ...Object.keys({ ...fixed, ...defaults })])
        expect(Object.keys(params)).toContain(name);
});

test("a tool that lists changes nothing", () => {
  for (const { name, effect } of operations) if (name.startsWith("list_")) expect(effect).toBe("reads");
});

/** The words that a shell makes of an example's part that calls the program; quotes are taken off. */
function wordsOf(example: string): string[] {
  const call = /agent-event-bus (.*?)(?: \||$)/.exec(exampleLine(example))?.[1] ?? "";
  return [...call.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

for (const command of commands) {
  test(`${command.name} has examples, each a command line that it takes, with a purpose`, async () => {
    expect(command.command.examples).not.toBeEmpty();
    for (const [example, purpose] of command.command.examples) {
      const line = await parseLine(wordsOf(example), commands);
      expect(line.command?.name).toBe(command.name);
      expect(() => argumentsOf({ ...line, command })).not.toThrow();
      expect(purpose).toMatch(/^\S.{2,60}$/);
      expect(exampleLine(example).length).toBeLessThanOrEqual(110);
    }
  });
}
