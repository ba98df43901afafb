import * as fs from "node:fs";
import { join, sep } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { leftBeside, textOf } from "../lib/files.ts";
import { realOf } from "../lib/permissions.ts";
import type { Journal } from "./journal.ts";
import { pluginFiles } from "./plugin_files.ts";
import { planned, type Step, step, unchanged } from "./steps.ts";

const NAME = "agent-event-bus";
const MANIFEST = ".claude-plugin/plugin.json";

/** Claude Code reads new settings at once, but new plugins only then. */
const LATER =
  "Sessions that run now get no messages until they start again, or until you type /reload-plugins in them";

/** The plugin in Claude Code's folder of skills. Files are named by their paths in it. */
export interface PluginFound {
  folder: string;
  /** `foreign` if another program or the user made the folder. */
  state: "none" | "right" | "stale" | "foreign";
  /** Files of ours that are missing, changed or no longer part of it. */
  stale: string[];
  /** Files that we did not write. */
  foreign: string[];
}

function skillsFolder({ claude }: InstallConfig): string {
  return join(claude.folder, "skills");
}

/** Tells folders that the installer may have made for the plugin. */
export function isOfPlugin(config: InstallConfig): (folder: string) => boolean {
  const top = `${realOf(skillsFolder(config))}${sep}`;
  return (folder) => `${folder}${sep}`.startsWith(top);
}

/** The folder of Claude Code for the path of a plugin's manifest. Undefined for other paths. */
export function claudeFolderOf(path: string): string | undefined {
  const end = join(sep, "skills", NAME, MANIFEST);
  return path.endsWith(end) ? path.slice(0, -end.length) : undefined;
}

export function lookAtPlugin(
  config: InstallConfig,
  journal: Pick<Journal, "wrote" | "files">,
  binary: string,
): PluginFound {
  const folder = join(skillsFolder(config), NAME);
  const wanted = pluginFiles(binary);
  const there = filesIn(folder);
  const text = (name: string) => attempt(() => textOf(join(folder, name)));
  const isOurPlugin = hasOurMark(text(MANIFEST), wanted[MANIFEST] ?? "");
  const left = Object.keys(wanted).flatMap((name) => leftBeside(join(folder, name)));
  const knows = (name: string) => journal.files().includes(realOf(join(folder, name)));
  const isOurs = (name: string) => {
    const path = join(folder, name);
    if (journal.wrote(path) || text(name) === wanted[name] || left.includes(path)) return true;
    // Without the journal, as after a lost data directory.
    return isOurPlugin && name in wanted && !knows(name);
  };
  const foreign = there.filter((name) => !isOurs(name));
  const stale = [
    ...Object.keys(wanted).filter((name) => text(name) !== wanted[name]),
    ...there.filter((name) => !(name in wanted) && isOurs(name)),
  ];
  const isForeign = !isOurPlugin && foreign.some((name) => !knows(name));
  const state = isForeign ? "foreign" : there.length === 0 ? "none" : stale.length === 0 ? "right" : "stale";
  return { folder, state, stale, foreign };
}

/** True for a manifest of any version of our plugin. */
function hasOurMark(text: string | undefined, wanted: string): boolean {
  const mark = (json: string) => {
    const { name, author } = JSON.parse(json);
    return JSON.stringify([name, author]);
  };
  return text !== undefined && attempt(() => mark(text)) === mark(wanted);
}

/** Everything in a folder that is not a folder. A file in the place of the folder is named "". */
function filesIn(folder: string): string[] {
  const found = attempt(() => fs.statSync(folder));
  if (found === undefined) return [];
  if (!found.isDirectory()) return [""];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => !one.isDirectory())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll(sep, "/"),
    )
    .sort();
}

/** Puts the plugin in, or brings its files up to date. */
export function pluginStep(config: InstallConfig, journal: Journal, binary: string): Step {
  const wanted = pluginFiles(binary);
  return step("plugin", async () => {
    const { folder, stale, foreign, state } = lookAtPlugin(config, journal, binary);
    const text = `the plugin of Claude Code, in ${folder}`;
    if (stale.length === 0) return unchanged(text);
    for (const name of stale) journal.check(join(folder, name));
    return planned(text, async () => {
      for (const name of stale) {
        const [path, content] = [join(folder, name), wanted[name]];
        const ours = !foreign.includes(name);
        if (content === undefined) journal.remove(path, { ours });
        else journal.write(path, content, { ours });
      }
      return state === "none" ? LATER : undefined;
    });
  });
}

/** Removes the plugin's files. Files of others stay, and are named. `text` describes the wanted state. */
export function removePluginStep(
  config: InstallConfig,
  journal: Journal,
  binary: string,
  text?: string,
): Step {
  return step("plugin", async () => {
    const { folder, state, foreign } = lookAtPlugin(config, journal, binary);
    const ours = state === "foreign" ? [] : filesIn(folder).filter((name) => !foreign.includes(name));
    const stays = ours.length === 0 ? [] : foreign.map((name) => join(folder, name));
    const wanted = text ?? `no plugin of ours in ${folder}`;
    const all =
      stays.length === 0 ? wanted : `${wanted}. Changed by others, so it stays: ${stays.join(", ")}`;
    if (ours.length === 0) return unchanged(all);
    for (const name of ours) journal.check(join(folder, name));
    return planned(all, async () => {
      for (const name of ours) {
        const path = join(folder, name);
        // A file that is not in the journal is copied first.
        if (!journal.restore(path)) journal.remove(path, { ours: journal.wrote(path) });
      }
      return undefined;
    });
  });
}
