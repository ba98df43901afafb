import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type InstallConfig, installConfig } from "../../src/config/client.ts";
import { hooksStep, lookAtHooks, removeHooksStep } from "../../src/install/hooks.ts";
import { Journal } from "../../src/install/journal.ts";
import type { Step } from "../../src/install/steps.ts";
import { tempFolder } from "./folder.ts";

export const BINARY = "/home/me/.local/bin/agent-event-bus";

/** A HOME with these settings; undefined: without any. */
export function place(text?: string) {
  const home = tempFolder();
  const folder = join(home, ".claude");
  mkdirSync(folder);
  const file = join(folder, "settings.json");
  if (text !== undefined) writeFileSync(file, text, { mode: 0o640 });
  const here: InstallConfig = installConfig({ CLAUDE_CONFIG_DIR: folder });
  const config = { ...here, claude: { ...here.claude, managed: [join(home, "managed-settings.json")] } };
  const data = join(home, "data");
  const journal = () => new Journal(data);
  return {
    ...{ home, file, config, journal, data },
    install: (binary = BINARY) => carry(hooksStep(config, journal(), binary)),
    remove: () => carry(removeHooksStep(config, journal())),
    held: () => readFileSync(file, "utf8"),
    look: (binary = BINARY) => lookAtHooks(config, binary),
  };
}

/** Plans a step and does it; the state that was planned, and the remark. */
export async function carry(step: Step): Promise<[state: string, remark?: string | undefined]> {
  const plan = await step.plan();
  return plan.state === "planned" ? [plan.state, await plan.apply()] : [plan.state];
}

/** Settings as a person writes them. */
export const PERSONS = `{
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
