import { expect, test } from "bun:test";
import { ALONE, commandsFor, LOADED } from "../../src/cli/fast_path.ts";
import { programHelp } from "../../src/cli/help.ts";
import { allCommands } from "../../src/cli/registry.ts";
import { binary } from "../support/binary.ts";

const all = allCommands();
const names = (commands: readonly { name: string }[]) => commands.map(({ name }) => name);

test("each command that is loaded alone is the one of the whole list", async () => {
  const alone = [...ALONE.flatMap(({ commands }) => names(commands)), ...LOADED.keys()];
  const found = await Promise.all(alone.map((name) => commandsFor([name])));
  const commands = found.flatMap((list, i) => list.filter(({ name }) => name === alone[i]));
  expect(names(commands)).toEqual(["publish", "send", "events", "sessions", "needs"]);
  for (const { name, flags } of commands) {
    // A second word would need the others to be understood.
    expect(names(all).filter((other) => other.startsWith(`${name} `))).toEqual([]);
    expect(flags).toEqual(all.find((other) => other.name === name)?.flags as never);
  }
});

test("any other line may mean every command", async () => {
  for (const line of [[], ["--json", "publish"], ["help", "publish"], ["webhook", "list"], ["toString"]])
    expect(names(await commandsFor(line))).toEqual(names(all));
  expect(names(await commandsFor(["publish", "--type", "t"]))).toEqual(["publish", "send"]);
  expect(names(await commandsFor(["sessions", "--cost"]))).toEqual(["sessions"]);
});

test("the help that the builds hold is made from the declarations", () => {
  for (const word of ["--help", "-h", "help"]) {
    const { stdout, exitCode } = Bun.spawnSync([binary, word]);
    expect({ word, told: stdout.toString(), exitCode }).toEqual({
      word,
      told: `${programHelp(all)}\n`,
      exitCode: 0,
    });
  }
});
