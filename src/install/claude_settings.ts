import { dirname, join } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { textOf } from "../lib/files.ts";
import type { Json } from "../lib/json.ts";
import { JsonText, propertyOf } from "../lib/jsonc.ts";
import { namesIn } from "../lib/permissions.ts";
import type { Journal } from "./journal.ts";
import { type Plan, planned, unchanged } from "./steps.ts";

/** One of Claude Code's settings files that can be read. */
export interface SettingsFile {
  file: string;
  settings: Json;
  /** Written by the machine's administrator. */
  managed: boolean;
}

export function userSettings({ claude }: InstallConfig): string {
  return join(claude.folder, "settings.json");
}

/** @throws Error with a sentence when the file cannot be read or understood. */
export function readSettings(file: string): JsonText {
  let text: string | undefined;
  try {
    text = textOf(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}.`);
  }
  if (text?.includes("\ufffd")) throw new Error(`${file} is not UTF-8. Save it as UTF-8 first.`);
  return new JsonText(text ?? "", file);
}

/** Adds items to the list `inner` of the object `outer`, and makes both if needed. @throws Error when one has another type. */
export function append(settings: JsonText, outer: string, inner: string, items: readonly unknown[]): void {
  if (items.length === 0) return;
  const object = propertyOf(settings.root, outer);
  const list = object && propertyOf(object, inner);
  if (object !== undefined) settings.expect(object, "object", outer);
  if (list !== undefined) settings.expect(list, "array", `${outer}.${inner}`);
  if (object === undefined) settings.insert(settings.root, { [inner]: items }, outer);
  else if (list === undefined) settings.insert(object, items, inner);
  else {
    settings.insert(list, items[0]);
    append(settings, outer, inner, items.slice(1));
  }
}

interface Edit {
  /** Describes the wanted state. */
  text: string;
  change(settings: JsonText): void;
  remark?(settings: JsonText): string | undefined;
}

/** Plans a change of a settings file. `apply` reads the file again: Claude Code writes it too. */
export function planEdit(journal: Journal, file: string, { text, change, remark }: Edit): Plan {
  const changed = () => {
    const settings = readSettings(file);
    change(settings);
    return settings;
  };
  const now = changed();
  if (now.toString() === textOf(file)) return unchanged(text);
  journal.check(file);
  return planned(text, async () => {
    const after = changed();
    journal.write(file, after.toString());
    return remark?.(after);
  });
}

/** Why Claude Code ignores a settings file, if it does. */
export function notPlain(settings: JsonText, file: string): string | undefined {
  if (settings.plain) return undefined;
  return `Claude Code ignores all of ${file} while it has comments or trailing commas. Remove them.`;
}

/** The settings files of a session in this folder: the user's, the project's and the administrator's. */
export function settingsFiles(config: InstallConfig, folder = process.cwd()): SettingsFile[] {
  const own = ["settings.json", "settings.local.json"].map((name) => join(folder, ".claude", name));
  const files = [...new Set([userSettings(config), ...own])];
  const managed = config.claude.managed.flatMap((file) => [file, ...dropIns(file)]);
  return [
    ...files.flatMap((file) => settingsIn(file, false)),
    ...managed.flatMap((file) => settingsIn(file, true)),
  ];
}

/** The administrator's list of MCP servers, which excludes all others. Null if there is no such file. */
export function managedServers({ claude }: InstallConfig): { file: string; servers: Json } | null {
  for (const managed of claude.managed) {
    const [found] = settingsIn(`${dirname(managed)}/managed-mcp.json`, true);
    if (found !== undefined) return { file: found.file, servers: (found.settings.mcpServers ?? {}) as Json };
  }
  return null;
}

function dropIns(file: string): string[] {
  const folder = `${dirname(file)}/managed-settings.d`;
  const names = namesIn(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => `${folder}/${name}`);
}

function settingsIn(file: string, managed: boolean): SettingsFile[] {
  const settings = attempt(() => JSON.parse((textOf(file) ?? "").replace(/^\ufeff/, "")));
  return typeof settings === "object" && settings !== null ? [{ file, settings, managed }] : [];
}
