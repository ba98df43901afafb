import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";

/** A folder for PATH with a command `claude` that has a version, and MCP servers and plugins at user scope. */
export function claudeStandIn(version = "2.1.332"): string {
  const bin = tempFolder();
  const file = join(bin, "claude");
  writeFileSync(file, `#!${process.execPath}\n${SCRIPT.replace("VERSION", version)}`);
  chmodSync(file, 0o755);
  return bin;
}

const SCRIPT = `
import { existsSync, readFileSync, writeFileSync } from "node:fs";
const { HOME, CLAUDE_CONFIG_DIR } = process.env;
const file = (CLAUDE_CONFIG_DIR ?? HOME) + "/.claude.json";
const own = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
const servers = (own.mcpServers ??= {});
const words = process.argv.slice(2).join(" ").replace(/--(transport|scope) \\S+ /g, "").split(" ");
const [command, action, name, what] = words;
if (command === "--version") console.log("VERSION (Claude Code)");
else if (command === "plugin") {
  const settings = (CLAUDE_CONFIG_DIR ?? HOME + "/.claude") + "/settings.json";
  const { enabledPlugins, ...others } = JSON.parse(readFileSync(settings, "utf8"));
  if (action === "install") enabledPlugins[name] = true;
  else delete enabledPlugins[name];
  writeFileSync(settings, JSON.stringify({ ...others, enabledPlugins }, null, 2));
} else if (command !== "mcp") process.exit(2);
else {
  if (action === "add") servers[name] = { type: "http", url: what };
  else if (action === "add-json") servers[name] = JSON.parse(await Bun.stdin.text());
  else if (action === "remove") delete servers[name];
  else process.exit(2);
  writeFileSync(file, JSON.stringify(own), { mode: 0o600 });
}
`;
