import { version } from "../../config/client.ts";
import { quoted } from "../../lib/escape.ts";
import { type SettingsFile, settingsFiles } from "../claude_settings.ts";
import { marketplacePlugin, type Obstacle, obstacleTo } from "../plugin_obstacle.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

/** The command that opens a file, or a request to the administrator who wrote it. */
export function editOf({ file, managed }: Pick<SettingsFile, "file" | "managed">): string {
  return managed
    ? `ask the administrator of this machine to change ${file}`
    : `"\${EDITOR:-vi}" ${quoted(file)}`;
}

/** Our plugin from a marketplace, if one is switched on. */
export function fromMarketplace({ config }: Place): string | undefined {
  const plugins = settingsFiles(config).map(({ settings }) => marketplacePlugin(settings.enabledPlugins));
  return plugins.find((name) => name !== undefined);
}

/** True if a plugin of ours delivers in the place of hooks. */
export function hasPlugin(place: Place): boolean {
  const { state } = place.plugin();
  return state === "right" || state === "stale" || fromMarketplace(place) !== undefined;
}

/** The reason why Claude Code does not run the plugin, if it is known. */
export async function obstacleOf({ config, version: ask }: Place): Promise<Obstacle | undefined> {
  return obstacleTo(await ask(), settingsFiles(config));
}

/** Claude Code runs the plugin, and nothing else delivers beside it. */
export const plugin = check("plugin", async (place) => {
  const { install } = place;
  const { folder, state, stale, foreign } = place.plugin();
  const { file } = place.hooks();
  const market = fromMarketplace(place);
  const others = [
    ...(state === "right" || state === "stale" ? [`the plugin in ${folder}`] : []),
    ...(hookCount(place) > 0 ? [`${hookCount(place)} hooks in ${file}`] : []),
  ];
  const all = market === undefined ? others : [market, ...others];
  if (all.length > 1) return bad(`only one of these may deliver: ${all.join(" and ")}`, install);
  if (!hasPlugin(place)) {
    if (state !== "foreign") return absent(place);
    const what = foreign[0] ? `${folder} is not ours (${foreign[0]})` : `${folder} is a file`;
    return note(`not used, because ${what}`);
  }
  const obstacle = await obstacleOf(place);
  if (obstacle !== undefined) return bad(`does not work. ${obstacle.found}`, repairOf(obstacle, place));
  if (market !== undefined)
    return note(`${market}, which takes no answers to dialogs from elsewhere. To replace it: ${install}`);
  if (stale.length > 0) return bad(`not of this version, in ${folder}: ${stale.join(", ")}`, install);
  return ok(`version ${version} in ${folder}`);
});

function hookCount(place: Place): number {
  const { right, stale } = place.hooks();
  return right.length + stale.length;
}

// Where hooks do not run either, only the setting helps.
function repairOf({ by, stopsHooks }: Obstacle, { install }: Place): string {
  return by !== undefined && stopsHooks ? editOf(by) : `${install} --hooks-only`;
}

/** Why hooks deliver instead, if they do. */
async function absent(place: Place) {
  const { version: client } = await place.version();
  if (client === undefined || hookCount(place) === 0) return undefined;
  if (place.leftOut("plugin")) return note(`left out (--hooks-only). To put it in: ${place.install}`);
  const obstacle = await obstacleOf(place);
  if (obstacle !== undefined) return note(`not used, because ${obstacle.found}`);
  return note(`Claude Code ${client} can load it, and then needs no waiting processes: ${place.install}`);
}
