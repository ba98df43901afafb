import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { type InstallConfig, installConfig } from "../../src/config.ts";
import { HOOKS } from "../../src/hooks/names.ts";
import { hookIn, hooksOf } from "../../src/install/hook_entries.ts";
import { hooksStep, lookAtHooks, removeHooksStep } from "../../src/install/hooks.ts";
import { Ledger } from "../../src/install/ledger.ts";
import type { Step } from "../../src/install/steps.ts";
import { root } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { treeOf } from "../support/tree.ts";

const BINARY = "/home/me/.local/bin/agent-event-bus";
const LINES = Object.values(HOOKS).flatMap(({ events }) => [...events]).length;

/** A HOME with these settings; undefined: without any. */
function place(text?: string) {
  const home = tempFolder();
  const folder = join(home, ".claude");
  mkdirSync(folder);
  const file = join(folder, "settings.json");
  if (text !== undefined) writeFileSync(file, text, { mode: 0o640 });
  const here: InstallConfig = installConfig({ CLAUDE_CONFIG_DIR: folder });
  const config = { ...here, claude: { ...here.claude, managed: [join(home, "managed-settings.json")] } };
  const data = join(home, "data");
  const ledger = () => new Ledger(data);
  return {
    ...{ home, file, config, ledger, data },
    install: (binary = BINARY) => carry(hooksStep(config, ledger(), binary)),
    remove: () => carry(removeHooksStep(config, ledger())),
    held: () => readFileSync(file, "utf8"),
    look: (binary = BINARY) => lookAtHooks(config, binary),
  };
}

/** Plans a step and does it; the state that was planned, and the remark. */
async function carry(step: Step): Promise<[state: string, remark?: string | undefined]> {
  const plan = await step.plan();
  return plan.state === "planned" ? [plan.state, await plan.apply()] : [plan.state];
}

const PERSONS = `{
  "$schema": "https://json.schemastore.org/claude-code-settings.json",
  "permissions": { "allow": ["Bash(ls:*)"], "deny": [] },
  "": 0, "odd key \\u00e9 \\ud83e\\udd95": [1.0, 1e3, -0],
  "hooks": {
    "Stop": [
      { "matcher": "", "hooks": [ {"type":"command","command":"say done"} ] }
    ],
    "Notification": [{ "hooks": [{ "type": "command", "command": "notify-send agent-event-bus hook prompt" }] }],
    "PostToolUse": [ { "matcher": "Edit|Write", "hooks": [{ "type": "command", "command": "fmt", "timeout": 5 }] } ]
  },
  "model": "opus"
}
`;

test("the hooks are added behind those that are there, and everything else stays", async () => {
  const { install, held } = place(PERSONS);
  expect(await install()).toEqual(["planned", undefined]);
  const after = held();
  const ours = (event: string) =>
    JSON.stringify(hooksOf(BINARY)[event]?.[0], null, 2).replaceAll("\n", "\n      ");
  const ownLine = (event: string) =>
    `    "${event}": ${JSON.stringify(hooksOf(BINARY)[event], null, 2).replaceAll("\n", "\n    ")}`;
  expect(after).toBe(
    PERSONS.replace('"say done"} ] }\n', `"say done"} ] },\n      ${ours("Stop")}\n`)
      .replace(
        '"timeout": 5 }] } ]',
        `"timeout": 5 }] }, { "hooks": [{ "type": "command", "command": "${BINARY} hook tool" }] } ]`,
      )
      .replace(/(?<="timeout": 5 .*\n)(?= {2}\},)/, "")
      .replace(
        '\n  },\n  "model"',
        `,\n${["SessionStart", "UserPromptSubmit", "SessionEnd"].map(ownLine).join(",\n")}\n  },\n  "model"`,
      ),
  );
});

const FILES: [what: string, text: string][] = [
  ["a person's settings", PERSONS],
  ["the same with CRLF and a byte order mark", `\ufeff${PERSONS.replaceAll("\n", "\r\n")}`],
  ["the same with tabs", PERSONS.replace(/^( {2})+/gm, (blank) => "\t".repeat(blank.length / 2))],
  ["the same in one line", JSON.stringify(JSON.parse(PERSONS))],
  ["nothing but an object", "{}"],
  ["other hooks only", '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}}'],
  ["an event without hooks", '{\n  "hooks": {\n    "Stop": [],\n    "PreToolUse": []\n  }\n}\n'],
  ["hooks without an event", '{ "hooks": {}, "model": "opus" }'],
  ["comments", '{\n  // mine\n  "hooks": {\n    /* none yet */\n  }, // yet\n  "model": "opus" // best\n}\n'],
  ["trailing commas", '{\n  "hooks": {\n    "Stop": [\n      { "hooks": [], },\n    ],\n  },\n}\n'],
];

test.each(FILES)("%s: installed, installed again and removed", async (_what, text) => {
  const { home, config, ledger, install, remove, held, look, data } = place(text);
  expect((await install())[0]).toBe("planned");
  expect(look()).toMatchObject({ missing: [], stale: [] });
  expect(look().right).toHaveLength(LINES);
  const [{ hooks: before = {}, ...others }, { hooks, ...othersNow }] = [
    parse(text.replace("\ufeff", "")),
    parse(held().replace("\ufeff", "")),
  ];
  expect(othersNow).toEqual(others);
  for (const [event, groups] of Object.entries(before))
    expect(hooks[event]).toEqual(expect.arrayContaining(groups as unknown[]));
  expect(statSync(join(home, ".claude/settings.json")).mode & 0o777).toBe(0o640);

  const tree = treeOf(home);
  expect(await install()).toEqual(["unchanged"]);
  expect(treeOf(home)).toEqual(tree);

  // Without the ledger's copy the words alone have to tell what is ours.
  const bare = new Ledger(join(home, "another"));
  const kept = held();
  expect((await carry(removeHooksStep(config, bare)))[0]).toBe("planned");
  expect(held().replace(/\s/g, "")).toBe(withoutEmpty(text).replace(/\s/g, ""));
  writeFileSync(join(home, ".claude/settings.json"), kept);
  expect(await remove()).toEqual(["planned", undefined]);
  expect(held()).toBe(text);
  expect(await remove()).toEqual(["unchanged"]);
  expect(existsSync(data)).toBe(true);
  expect(ledger().backupOf(join(home, ".claude/settings.json"))).toBeUndefined();
});

// What was empty before goes when nobody knows any more that it was there.
function withoutEmpty(text: string): string {
  return text.replace('"Stop": [],', "").replace('"hooks": {}, ', "");
}

test("what others changed since stays when our hooks are removed, and so does what was empty before", async () => {
  const text = '{\n  "hooks": {\n    "Stop": []\n  }\n}\n';
  const { file, install, remove, held } = place(text);
  await install();
  writeFileSync(file, held().replace('{\n  "hooks"', '{\n  "model": "opus",\n  "hooks"'));
  expect(await remove()).toEqual(["planned", undefined]);
  expect(held()).toBe(text.replace('{\n  "hooks"', '{\n  "model": "opus",\n  "hooks"'));
});

test("without settings they are made, and removed again", async () => {
  const { file, install, remove, held, look } = place();
  expect(look().missing).toHaveLength(LINES);
  expect(await install()).toEqual(["planned", undefined]);
  expect(held()).toBe(`${JSON.stringify({ hooks: hooksOf(BINARY) }, null, 2)}\n`);
  await remove();
  expect(existsSync(file)).toBe(false);
});

test("a link to the settings stays one", async () => {
  const { home, file, install, remove } = place();
  const real = join(home, "dotfiles/claude.json");
  mkdirSync(dirname(real));
  writeFileSync(real, PERSONS);
  symlinkSync("../dotfiles/claude.json", file);
  await install();
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(parse(readFileSync(real, "utf8")).hooks.SessionEnd).toHaveLength(1);
  await remove();
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(real, "utf8")).toBe(PERSONS);
});

test("a hook of an executable that moved is put right where it stands; what the person gave it stays", async () => {
  const old = {
    hooks: {
      SessionStart: [
        {
          matcher: "startup",
          hooks: [
            { type: "command", command: "'/old place/agent-event-bus' hook session-start", timeout: 7 },
          ],
        },
      ],
      Stop: [
        {
          hooks: [
            { type: "command", command: "/old/agent-event-bus-cli hook wait", timeout: 60 },
            { type: "command", command: "mine" },
          ],
        },
        {
          hooks: [
            { type: "command", command: `AGENT_EVENT_BUS_URL=http://x:1/mcp agent-event-bus hook stop` },
          ],
        },
        { hooks: [{ type: "command", command: `${BINARY} hook stop` }] },
      ],
      PreToolUse: [{ hooks: [{ type: "command", command: `${BINARY} hook tool` }] }],
    },
  };
  const { install, held, look } = place(JSON.stringify(old, null, 1));
  expect(look()).toMatchObject({
    missing: [
      "UserPromptSubmit: hook prompt",
      "PostToolUse: hook tool",
      "SessionStart: hook wait",
      "SessionEnd: hook session-end",
    ],
    stale: [
      "SessionStart: hook session-start",
      "Stop: hook stop",
      "Stop: hook wait",
      "Stop: hook stop",
      "PreToolUse: hook tool",
    ],
    right: [],
  });
  await install();
  const wanted = hooksOf(BINARY);
  expect(JSON.parse(held())).toEqual({
    hooks: {
      ...wanted,
      SessionStart: [
        {
          matcher: "startup",
          hooks: [{ ...wanted.SessionStart?.[0]?.hooks[0], timeout: 7 }, wanted.SessionStart?.[0]?.hooks[1]],
        },
      ],
      Stop: [
        {
          hooks: [
            { ...wanted.Stop?.[0]?.hooks[1], timeout: 60 },
            { type: "command", command: "mine" },
          ],
        },
        { hooks: [wanted.Stop?.[0]?.hooks[0]] },
      ],
    },
  });
  expect(look()).toMatchObject({ missing: [], stale: [] });
});

test.each([
  ["/a/b/agent-event-bus hook prompt", "prompt"],
  ["agent-event-bus-cli hook session-end", "session-end"],
  ["'/my place/it'\\''s/agent-event-bus' hook wait", "wait"],
  ['"/my place/agent-event-bus"  hook wait --format plain', "wait"],
  ["A=1 B='x y' /a/agent-event-bus hook stop", "stop"],
  ["/a/agent-event-bus hook retired", "retired"],
  ["agent-event-bus hook prompt && say done", undefined],
  ["notify-send agent-event-bus hook prompt", undefined],
  ["/a/my-agent-event-bus hook prompt", undefined],
  ["agent-event-bus publish --type hook --payload prompt", undefined],
  ["agent-event-bus hook", undefined],
  ["", undefined],
])("%j runs our hook %p", (command, name) => expect(hookIn(command)).toBe(name as string));

test("an executable in a folder with blanks and quotes is quoted, and known again", () => {
  const binary = "/home/it's me/bin/agent-event-bus";
  const command = String(hooksOf(binary).Stop?.[0]?.hooks[0]?.command);
  expect(hookIn(command)).toBe("stop");
  const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s|' ${command}`]);
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
  expect(install()).rejects.toThrow(says);
  expect(remove()).rejects.toThrow(file);
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
  expect(own.look().disabledBy).toBe(`disableAllHooks in ${own.file}`);
  for (const name of ["disableAllHooks", "allowManagedHooksOnly"]) {
    const { config, look } = place(PERSONS);
    const [managed = ""] = config.claude.managed;
    writeFileSync(managed, JSON.stringify({ [name]: true }));
    expect(look().disabledBy).toBe(`${name} in ${managed}`);
  }
});

test("the settings that docs/hooks.md shows are those of the table", () => {
  const page = readFileSync(join(root, "docs/hooks.md"), "utf8");
  const shown = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  expect(JSON.parse(shown)).toEqual({ hooks: hooksOf("agent-event-bus") });
});
