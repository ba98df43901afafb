// The mod as the client loads it. Inside the client there is no Node, no Bun and no file beside it.
import { expect, test } from "bun:test";
import { pluginFiles } from "../../src/install/plugin_files.ts";

const MOST_BYTES = 48 * 1024;
const ABSENT = [
  /["']node:/,
  /\b(require|import)\s*\(/,
  /(?<!\$\.)\bprocess\b/,
  /(?<!\$\.http\.)\bfetch\b/,
  /\b(Buffer|Bun|Deno|setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
];

const mod = pluginFiles("/opt/agent-event-bus")["hooks/register.js"] ?? "";

test("the mod is one module, which exports nothing but register", () => {
  expect(new Bun.Transpiler({ loader: "js" }).scan(mod)).toEqual({ exports: ["register"], imports: [] });
});

test("the mod names nothing that the client lacks", () => {
  expect(ABSENT.filter((name) => name.test(mod)).map(String)).toEqual([]);
});

test("the mod reaches neither the draft nor the screen, but for its lines", () => {
  const calls = new Set(Array.from(mod.matchAll(/\$\.(\w+\.\w+)\(/g), ([, call]) => call));
  expect(
    Array.from(calls)
      .filter((call) => /^(prompt|ui)\./.test(String(call)))
      .sort(),
  ).toEqual(["prompt.submit", "ui.log", "ui.status"]);
});

test("the mod stays small", () => {
  expect(Buffer.byteLength(mod)).toBeLessThan(MOST_BYTES);
});

test("the plugin brings no MCP server, so the tools keep their names", () => {
  expect(Object.keys(pluginFiles("/opt/agent-event-bus"))).not.toContain(".mcp.json");
});
