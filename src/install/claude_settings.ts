import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import type { Json } from "../lib/json.ts";
import { textOf } from "./files.ts";
import { JsonText } from "./jsonc.ts";

/** A file of settings that Claude Code reads, as far as it can be read. */
export interface SettingsFile {
  file: string;
  settings: Json;
  /** The machine's administrator wrote it. */
  managed: boolean;
}

/** Throws Error with a sentence. */
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

/** Every file of settings that counts for a session in this folder: the user's, the project's, the administrator's. */
export function settingsFiles({ claude }: InstallConfig, folder = process.cwd()): SettingsFile[] {
  const own = ["settings.json", "settings.local.json"].map((name) => join(folder, ".claude", name));
  const files = [...new Set([join(claude.folder, "settings.json"), ...own])];
  return [
    ...files.flatMap((file) => settingsIn(file, false)),
    ...claude.managed
      .flatMap((file) => [file, ...dropIns(`${dirname(file)}/managed-settings.d`)])
      .flatMap((file) => settingsIn(file, true)),
  ];
}

/** The servers that an administrator gives to every session, which then knows no others; null if there is no such file. */
export function managedServers({ claude }: InstallConfig): { file: string; servers: Json } | null {
  for (const managed of claude.managed) {
    const [found] = settingsIn(`${dirname(managed)}/managed-mcp.json`, true);
    if (found !== undefined) return { file: found.file, servers: (found.settings.mcpServers ?? {}) as Json };
  }
  return null;
}

function dropIns(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

function settingsIn(file: string, managed: boolean): SettingsFile[] {
  try {
    const settings = JSON.parse((textOf(file) ?? "").replace(/^\ufeff/, ""));
    return typeof settings === "object" && settings !== null ? [{ file, settings, managed }] : [];
  } catch {
    return [];
  }
}
