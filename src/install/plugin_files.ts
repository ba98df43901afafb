import { version } from "../config/client.ts";
import { packedMod, pluginText } from "../mod/bundle.ts" with { type: "macro" };
import { pluginHooks } from "./hook_entries.ts";

const MANIFEST = {
  name: "agent-event-bus",
  description: "Connects this session with your other Claude Code sessions through your own bus.",
  author: { name: "agent-event-bus" },
  license: "MIT",
};

/** The plugin for Claude Code: its files by their paths. Its command hooks run that executable. */
export function pluginFiles(binary: string): Readonly<Record<string, string>> {
  const { gunzipSync } = process.getBuiltinModule("node:zlib");
  return {
    ".claude-plugin/plugin.json": json({ ...MANIFEST, version }),
    "hooks/hooks.json": json({ modules: ["./register.js"], hooks: pluginHooks(binary) }),
    "hooks/register.js": gunzipSync(Buffer.from(packedMod(), "base64")).toString(),
    "skills/agent-event-bus/SKILL.md": pluginText("skills/agent-event-bus/SKILL.md"),
    "README.md": pluginText("README.md"),
    LICENSE: pluginText("../../LICENSE"),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
