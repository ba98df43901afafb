import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { databaseWith } from "../support/admin.ts";
import { bash, cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";

test.each(["backup", "check"])("each example in the help of %s runs as it is shown", async (command) => {
  const { stdout } = await cli([command, "--help"]);
  const examples = stdout
    .split("Examples:\n")[1]
    ?.split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("  #"))
    .map((line) => line.trim());
  expect(examples?.length).toBeGreaterThan(0);

  const home = tempFolder();
  const db = await databaseWith(3, home);
  mkdirSync(join(home, DATA), { recursive: true });
  copyFileSync(db, join(home, DATA, "data.db"));
  chmodSync(join(home, DATA), 0o700);
  for (const example of examples ?? []) {
    expect(example).toStartWith(`agent-event-bus ${command}`);
    const ran = await bash(example, { kind: "binary", home });
    expect([example, ran.stderr, ran.code]).toEqual([example, "", 0]);
  }
  const copies = readdirSync(home).filter((name) => name.startsWith("bus-"));
  expect(copies).toHaveLength(command === "backup" ? 3 : 0);
});
