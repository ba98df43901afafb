import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hookIn, hooksOf } from "../../src/install/hook_entries.ts";
import { root } from "../support/bus.ts";
import { BINARY, PERSONS, place } from "../support/claude_settings.ts";
import { tempFolder } from "../support/folder.ts";
import { treeOf } from "../support/tree.ts";

test.each([
  ["/a/b/agent-event-bus hook prompt", "prompt"],
  ["agent-event-bus-cli hook session-end", "session-end"],
  ["'/my place/it'\\''s/agent-event-bus' hook wait", "wait"],
  ['"/my place/agent-event-bus"  hook wait --format plain', "wait"],
  ["A=1 B='x y' /a/agent-event-bus hook stop", "stop"],
  ["/a/agent-event-bus hook retired", "retired"],
  ["cd /; exec /a/agent-event-bus hook prompt", "prompt"],
  ["cd / ;exec '/my place/agent-event-bus' hook wait --pid \"$PPID\"", "wait"],
  ["cd /; A=1 exec /a/agent-event-bus hook stop", "stop"],
  ["exec agent-event-bus hook tool", "tool"],
  ["cd /tmp; exec agent-event-bus hook prompt", undefined],
  ["cd / && rm x; exec agent-event-bus hook prompt", undefined],
  ["cd /; say done; exec agent-event-bus hook prompt", undefined],
  ["agent-event-bus hook prompt && say done", undefined],
  ["notify-send agent-event-bus hook prompt", undefined],
  ["/a/my-agent-event-bus hook prompt", undefined],
  ["agent-event-bus publish --type hook --payload prompt", undefined],
  ["agent-event-bus hook", undefined],
  ["", undefined],
])("%j runs our hook %p", (command, name) => expect(hookIn(command)).toBe(name as string));

test("an executable in a folder with blanks and quotes is quoted, and known again", () => {
  const binary = join(tempFolder(), "it's me/agent-event-bus");
  mkdirSync(dirname(binary));
  writeFileSync(binary, `#!/bin/sh\nprintf '%s|' "$0" "$@"\n`, { mode: 0o755 });
  const command = String(hooksOf(binary).Stop?.[0]?.hooks[0]?.command);
  expect(hookIn(command)).toBe("stop");
  const { stdout } = Bun.spawnSync(["sh", "-c", command]);
  expect(stdout.toString()).toBe(`${binary}|hook|stop|`);
});

test.each([
  ["hello", "is not JSON: Invalid symbol at line 1, column 1"],
  ['{\n  "hooks": [\n', "is not JSON: Close bracket expected at line 3, column 1"],
  ['{\n  "hooks": []\n}', 'line 2, column 12: "hooks" is an array where an object is expected'],
  ['{"hooks": null}', 'line 1, column 11: "hooks" is null where an object is expected'],
  [
    '{\n  "hooks": {"Stop": {}}\n}',
    'line 2, column 21: "hooks.Stop" is an object where an array is expected',
  ],
  [Buffer.from('{"a": "\xe9"}', "latin1"), "is not UTF-8"],
])("settings like %j are refused and stay as they are", async (text, says) => {
  const { file, install, remove, look, home } = place("");
  writeFileSync(file, text);
  const before = treeOf(home);
  await expect(install()).rejects.toThrow(says);
  await expect(remove()).rejects.toThrow(file);
  expect(look().broken).toContain(says);
  expect(treeOf(home)).toEqual(before);
});

test("an event of other tools may hold anything", async () => {
  const { install, held } = place('{"hooks": {"Mystery": 3}}');
  await install();
  expect(JSON.parse(held()).hooks).toEqual({ Mystery: 3, ...hooksOf(BINARY) });
});

test("of settings with comments the person is told that Claude Code does not read them", async () => {
  const { install, look } = place('{\n  // mine\n  "model": "opus"\n}');
  expect(look().ignored).toContain("comments or trailing commas");
  expect((await install())[1]).toContain("Claude Code ignores all of");
  expect(place(`\ufeff${PERSONS}`).look().ignored).toBeUndefined();
  expect(place("").look().ignored).toBeUndefined();
});

test("hooks that are switched off are noticed, by whom", () => {
  expect(
    place('{"disableAllHooks": false, "allowManagedHooksOnly": true}').look().disabledBy,
  ).toBeUndefined();
  const own = place('{"disableAllHooks": true}');
  expect(own.look().disabledBy).toMatchObject({ setting: "disableAllHooks", file: own.file, managed: false });
  for (const name of ["disableAllHooks", "allowManagedHooksOnly"]) {
    const { config, look } = place(PERSONS);
    const [managed = ""] = config.claude.managed;
    writeFileSync(managed, JSON.stringify({ [name]: true }));
    expect(look().disabledBy).toMatchObject({ setting: name, file: managed, managed: true });
  }
});

test("the settings that docs/hooks.md shows are those of the table", () => {
  const page = readFileSync(join(root, "docs/hooks.md"), "utf8");
  const shown = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  expect(JSON.parse(shown)).toEqual({ hooks: hooksOf("agent-event-bus") });
});
