// Rewrites the tables of the guide and of docs/ from the declarations; `--check` only says which are stale.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandsOf, usageOf } from "../src/cli/commands.ts";
import { localCommands } from "../src/cli/registry.ts";
import { VARIABLES } from "../src/config/variables.ts";
import { LIMITS } from "../src/domain/limits.ts";
import { isRequired, type Param } from "../src/lib/param.ts";
import { operations } from "../src/operations/index.ts";
import type { Operation } from "../src/operations/operation.ts";

const FILES = ["src/http/mcp/guide.md", "docs/commands.md", "docs/settings.md"];

/** The generated parts of the documents, by the name in their markers. */
export function tablesOf(known: readonly Operation[]): Record<string, string> {
  const shown = known.filter(({ listed }) => listed !== false);
  return {
    tools: shown.map(toolRows).join("\n\n"),
    overview: table(
      ["Tool", "What it does"],
      shown.map((operation) => [`\`${operation.name}\``, operation.about]),
    ),
    commands: table(
      ["Command", "What it does"],
      commandsOf(known, localCommands).map((command) => [`\`${usageOf(command)}\``, command.about]),
    ),
    limits: table(
      ["Limit", "Default", "Largest", "Bounds"],
      Object.entries(LIMITS).map(([name, { fallback, most, about }]) => [
        `\`${name}\``,
        String(fallback),
        String(most),
        about,
      ]),
    ),
    settings: table(
      ["Variable", "Default", "Meaning"],
      Object.values(VARIABLES).map(({ name, fallback, about }) => [`\`${name}\``, fallback, about]),
    ),
  };
}

function toolRows(operation: Operation): string {
  const rows = Object.entries(operation.params)
    .filter(([, param]) => param.listed !== false)
    .map(([name, param]) => `- \`${name}\`${noteOf(param)}: ${param.about}`);
  return [`**${operation.name}**: ${operation.about}`, ...rows].join("\n");
}

function noteOf(param: Param): string {
  if (isRequired(param)) return " (required)";
  const fallback = "default" in param ? param.default : undefined;
  return fallback === undefined ? "" : ` (default ${fallback})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The document with every generated part made anew. Throws when a marker names no part. */
export function regenerate(text: string, tables: Readonly<Record<string, string>>): string {
  return text.replace(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(\n<!-- end -->)/g,
    (_whole, open: string, name: string, close: string) => {
      const made = tables[name];
      if (made === undefined) throw new Error(`there is no generated part "${name}"`);
      return `${open}\n${made}\n${close}`;
    },
  );
}

if (import.meta.main) {
  const tables = tablesOf(operations);
  const root = join(import.meta.dir, "..");
  const stale = FILES.filter((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const made = regenerate(text, tables);
    if (made !== text && !process.argv.includes("--check")) writeFileSync(join(root, file), made);
    return made !== text;
  });
  if (stale.length > 0 && process.argv.includes("--check")) {
    console.error(`Stale tables in ${stale.join(", ")}. Run: npm run guide`);
    process.exit(1);
  }
  console.log(stale.length > 0 ? `rewrote ${stale.join(", ")}` : "the tables are up to date");
}
