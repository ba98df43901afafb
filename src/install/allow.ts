import type { InstallConfig } from "../config/client.ts";
import { type JsonText, type Node, propertyOf } from "../lib/jsonc.ts";
import { append, notPlain, planEdit, userSettings } from "./claude_settings.ts";
import { holdsHooks } from "./hook_entries.ts";
import type { Journal } from "./journal.ts";
import { marketplacePlugin } from "./plugin_obstacle.ts";
import { type Step, step } from "./steps.ts";

const SERVER = "mcp__agent-event-bus";
/** The same server, if our plugin from a marketplace brings it. */
const PLUGIN_SERVER = "mcp__plugin_agent-event-bus_bus";

/**
 * Tools that sessions may call without a question. They read and write events of the bus, and nothing else. Webhooks send
 * data elsewhere and `notify` appears on the user's screen, so Claude Code still asks for those.
 */
export const HARMLESS = [
  "register_session",
  "unregister_session",
  "list_sessions",
  "list_needs",
  "list_channels",
  "publish_event",
  "get_events",
  "ack_events",
  "ask",
  "reply",
  "get_delivery",
] as const;

const entriesOf = (server: string): string[] => HARMLESS.map((tool) => `${server}__${tool}`);

const ENTRIES = [SERVER, PLUGIN_SERVER].flatMap(entriesOf);

/** Our entries that the settings lack. */
export function notAllowed(settings: JsonText): string[] {
  const held = valuesOf(settings);
  const all = (server: string) => held.includes(server) || held.includes(`${server}__*`);
  return serversOf(settings)
    .filter((server) => !all(server))
    .flatMap((server) => entriesOf(server).filter((entry) => !held.includes(entry)));
}

function serversOf({ root }: JsonText): string[] {
  const plugins = propertyOf(root, "enabledPlugins");
  const enabled = (plugins?.children ?? []).map(({ children: [key, on] = [] }) => [key?.value, on?.value]);
  return marketplacePlugin(Object.fromEntries(enabled)) === undefined ? [SERVER] : [SERVER, PLUGIN_SERVER];
}

export function allowStep(config: InstallConfig, journal: Journal): Step {
  const file = userSettings(config);
  const text = `${HARMLESS.length} tools of the bus allowed without asking, in permissions.allow of ${file}`;
  const change = (settings: JsonText) => append(settings, "permissions", "allow", notAllowed(settings));
  // The step of the hooks says the same of them.
  const remark = (settings: JsonText) => (holdsHooks(settings) ? undefined : notPlain(settings, file));
  return step("allow", async () => planEdit(journal, file, { text, change, remark }));
}

/** Takes out our entries, and what is empty then. Entries of `former`, the settings from before, stay. */
export function dropAllowed(settings: JsonText, former: JsonText | undefined): void {
  const stays = former === undefined ? [] : valuesOf(former);
  const ours = ENTRIES.filter((entry) => !stays.includes(entry));
  const find = () => listOf(settings)?.children?.find(({ value }) => ours.includes(value));
  if (find() === undefined) return;
  for (let one = find(); one !== undefined; one = find()) settings.remove(one);
  removeIfEmpty(settings, listOf(settings), former && listOf(former));
  const permissions = ({ root }: JsonText) => propertyOf(root, "permissions");
  removeIfEmpty(settings, permissions(settings), former && permissions(former));
}

function removeIfEmpty(settings: JsonText, node: Node | undefined, former: Node | undefined): void {
  const isEmpty = (node?.children ?? []).length === 0;
  if (node?.parent !== undefined && isEmpty && former === undefined) settings.remove(node.parent);
}

export function holdsAllowed(settings: JsonText): boolean {
  return valuesOf(settings).some((value) => ENTRIES.includes(value));
}

function valuesOf(settings: JsonText): string[] {
  return (listOf(settings)?.children ?? []).map(({ value }) => String(value));
}

function listOf({ root }: JsonText): Node | undefined {
  const permissions = propertyOf(root, "permissions");
  const allow = permissions?.type === "object" ? propertyOf(permissions, "allow") : undefined;
  return allow?.type === "array" ? allow : undefined;
}
