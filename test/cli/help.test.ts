import { describe, expect, test } from "bun:test";
import { commandsOf, exampleLine } from "../../src/cli/commands.ts";
import { operations } from "../../src/operations/index.ts";
import { cli } from "../support/cli.ts";

const commands = commandsOf(operations);
const nobody = { url: "http://127.0.0.1:1/" };

async function help(...argv: string[]): Promise<string> {
  const { stdout, stderr, code } = await cli(argv, { bus: nobody });
  expect(`${code} ${stderr}`).toBe("0 ");
  return stdout;
}

test("the program's help lists every command with what it is for, on lines of 80 columns", async () => {
  const text = await help("--help");
  for (const name of ["serve", "hook", ...commands.map((command) => command.name)])
    expect(text).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"));
  for (const flag of ["--url", "--json", "--debug", "--help", "--version"])
    expect(text).toContain(`  ${flag}`);
  for (const name of ["AGENT_EVENT_BUS_URL", "AGENT_EVENT_BUS_SESSION_ID", "CLAUDE_CODE_SESSION_ID"])
    expect(text).toContain(`  ${name} `);
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(text).toEndWith("\n");
  expect(text).not.toEndWith("\n\n");
});

for (const same of [["help"], ["-h"]])
  test(`${same.join(" ")} is --help`, async () => {
    expect(await help(...same)).toBe(await help("--help"));
  });

for (const command of commands)
  describe(`the help of ${command.name}`, async () => {
    const text = await help(...command.name.split(" "), "--help");

    test("names the command, every flag, every example", () => {
      expect(text).toContain(`Usage: agent-event-bus ${command.name}`);
      for (const flag of command.flags) {
        expect(text).toMatch(new RegExp(`^ {2}(-\\w, )?--${flag.name}( <[^>]+>)? +\\S`, "m"));
        if (flag.required)
          expect(text.replace(/\n +/g, " ")).toMatch(new RegExp(`--${flag.name} .*required`));
        if (flag.fallback !== undefined)
          expect(text.replace(/\n +/g, " ")).toContain(`default ${flag.fallback}`);
      }
      for (const [line, purpose] of command.command.examples)
        expect(text).toContain(`  # ${purpose}\n  ${exampleLine(line)}\n`);
    });

    test("says what the program's help says, and fits 80 columns but for examples", async () => {
      const [prose] = text.split("Examples:");
      expect(prose?.split("\n").filter((line) => line.length > 80)).toEqual([]);
      expect(prose?.replaceAll("\n", " ")).toStartWith(command.about);
    });

    test("is what help COMMAND shows, with other flags and a missing one too", async () => {
      expect(await help("help", ...command.name.split(" "))).toBe(text);
      expect(await help(...command.name.split(" "), "--help", "--debug")).toBe(text);
    });
  });

test("the commands of webhook have a help together", async () => {
  const text = await help("webhook", "--help");
  expect(await help("help", "webhook")).toBe(text);
  const members = commands.filter(({ name }) => name.startsWith("webhook "));
  for (const { name } of members) expect(text).toContain(`  ${name} `);
  expect(text).not.toContain("  publish ");
});

test("the help of serve names its flags and their variables, from both sides", async () => {
  const text = await help("serve", "--help");
  expect(await help("help", "serve")).toBe(text);
  expect(await help("help", "hook")).toBe(await help("hook", "--help"));
  for (const word of ["--host", "--port", "--db", "HOST", "PORT", "AGENT_EVENT_BUS_DB", "Examples:"])
    expect(text).toContain(word);
});

test("--version prints the version of package.json, before any command too", async () => {
  const { version } = await Bun.file(new URL("../../package.json", import.meta.url)).json();
  for (const argv of [["--version"], ["sessions", "--version"], ["serve", "--version"]])
    expect(await help(...argv)).toBe(`${version}\n`);
});

test("a command on this machine's files takes no --url, and its help does not offer it", async () => {
  for (const name of ["doctor", "install server", "token list"])
    expect(await help(...name.split(" "), "--help")).not.toContain("--url");
  expect(await help("sessions", "--help")).toContain("--url");
});
