import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { HOOKS } from "../../src/hooks/names.ts";
import { hooksOf } from "../../src/install/hook_entries.ts";
import { removeHooksStep } from "../../src/install/hooks.ts";
import { Journal } from "../../src/install/journal.ts";
import { BINARY, carry, PERSONS, place } from "../support/claude_settings.ts";
import { treeOf } from "../support/tree.ts";

const LINES = Object.values(HOOKS).flatMap(({ events }) => [...events]).length;

test("the hooks are added behind those that are there, and everything else stays", async () => {
  const { install, held } = place(PERSONS);
  expect(await install()).toEqual(["planned", undefined]);
  const after = held();
  const spread = (value: unknown) =>
    JSON.stringify(value, null, 1).replace(/\n */g, " ").replace(/\[ \{/g, "[{").replace(/\} \]/g, "}]");
  const ours = (event: string) =>
    JSON.stringify(hooksOf(BINARY)[event]?.[0], null, 2).replaceAll("\n", "\n      ");
  const ownLine = (event: string) =>
    `    "${event}": ${JSON.stringify(hooksOf(BINARY)[event], null, 2).replaceAll("\n", "\n    ")}`;
  expect(after).toBe(
    PERSONS.replace('"say done"} ] }\n', `"say done"} ] },\n      ${ours("Stop")}\n`)
      .replace(
        '"timeout": 5 }] } ]',
        `"timeout": 5 }] }, { "hooks": [{ "type": "command", "command": "cd /; exec ${BINARY} hook tool" }] } ]`,
      )
      .replace('hook prompt" }] }],', `hook prompt" }] }, ${spread(hooksOf(BINARY).Notification?.[0])}],`)
      .replace(
        '\n  },\n  "model"',
        `,\n${["SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "SessionEnd"].map(ownLine).join(",\n")}\n  },\n  "model"`,
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
  ["an event without hooks", '{\n  "hooks": {\n    "Stop": [],\n    "PreCompact": []\n  }\n}\n'],
  ["hooks without an event", '{ "hooks": {}, "model": "opus" }'],
  ["comments", '{\n  // mine\n  "hooks": {\n    /* none yet */\n  }, // yet\n  "model": "opus" // best\n}\n'],
  ["trailing commas", '{\n  "hooks": {\n    "Stop": [\n      { "hooks": [], },\n    ],\n  },\n}\n'],
];

test.each(FILES)("%s: installed, installed again and removed", async (_what, text) => {
  const { home, config, journal, install, remove, held, look, data } = place(text);
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

  // Without the journal's copy only the commands tell which hooks are ours.
  const bare = new Journal(join(home, "another"));
  const kept = held();
  expect((await carry(removeHooksStep(config, bare)))[0]).toBe("planned");
  expect(held().replace(/\s/g, "")).toBe(withoutEmpty(text).replace(/\s/g, ""));
  writeFileSync(join(home, ".claude/settings.json"), kept);
  expect(await remove()).toEqual(["planned", undefined]);
  expect(held()).toBe(text);
  expect(await remove()).toEqual(["unchanged"]);
  expect(existsSync(data)).toBe(true);
  expect(journal().backupOf(join(home, ".claude/settings.json"))).toBeUndefined();
});

// Without the former settings, empty containers go too.
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

test("hooks of an executable that is gone do not come back", async () => {
  const { install, remove, held } = place(
    JSON.stringify({ hooks: hooksOf("/gone/agent-event-bus"), model: "opus" }),
  );
  await install();
  expect(parse(held()).hooks).toEqual(hooksOf(BINARY));
  await remove();
  expect(parse(held())).toEqual({ model: "opus" });
});

test("without the copy of what was there, our hooks are taken out", async () => {
  const { data, install, remove, held } = place('{"model":"opus"}');
  await install();
  rmSync(join(data, "backups"), { recursive: true });
  expect(await remove()).toEqual(["planned", undefined]);
  expect(parse(held())).toEqual({ model: "opus" });
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
      "PreToolUse: hook pre-tool",
      "PostToolUse: hook tool",
      "SessionStart: hook wait",
      "UserPromptSubmit: hook wait",
      "PermissionRequest: hook permission",
      "Notification: hook notification",
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
  ["no matcher", {}],
  ["another matcher", { matcher: "mcp__.*" }],
])("the hook before a tool with %s, among the user's own, gets one of its own", async (_what, matcher) => {
  const own = { type: "command", command: "mine" };
  const wanted = hooksOf(BINARY);
  const [ours] = wanted.PreToolUse ?? [];
  const before = { hooks: { ...wanted, PreToolUse: [{ ...matcher, hooks: [own, ...(ours?.hooks ?? [])] }] } };
  const { install, held, look } = place(JSON.stringify(before, null, 1));
  expect(look()).toMatchObject({ missing: [], stale: ["PreToolUse: hook pre-tool"] });
  await install();
  expect(JSON.parse(held()).hooks.PreToolUse).toEqual([{ ...matcher, hooks: [own] }, ours]);
  expect(look()).toMatchObject({ missing: [], stale: [] });
  expect(await install()).toEqual(["unchanged"]);
});

test("the lines of an earlier release are replaced in place, once", async () => {
  const { install, held, look } = place();
  await install();
  const now = held();
  const old = place(now.replaceAll("cd /; exec ", ""));
  expect(old.look()).toMatchObject({ missing: [], right: [] });
  expect(await old.install()).toEqual(["planned", undefined]);
  expect(old.held()).toBe(now);
  expect(old.look()).toMatchObject({ missing: [], stale: [] });
  expect((await old.install())[0]).toBe("unchanged");
  expect(look()).toMatchObject({ missing: [], stale: [] });
});
