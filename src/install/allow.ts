import { join } from "node:path";
import type { Node } from "jsonc-parser/lib/esm/main.js";
import type { InstallConfig } from "../config/client.ts";
import { readSettings } from "./claude_settings.ts";
import { textOf } from "./files.ts";
import type { Ledger } from "./journal.ts";
import { type JsonText, propertyOf } from "./jsonc.ts";
import type { Step } from "./steps.ts";

const SERVER = "mcp__agent-event-bus";

/**
 * Tools that a session may call without a question: they read and write events of the bus, and nothing else. Webhooks send
 * data elsewhere and `notify` appears on the user's screen, so Claude Code goes on asking for those.
 */
export const HARMLESS = [
  "register_session",
  "unregister_session",
  "list_sessions",
  "list_channels",
  "publish_event",
  "get_events",
  "ack_events",
  "ask",
  "reply",
  "get_delivery",
] as const;

const ENTRIES: readonly string[] = HARMLESS.map((tool) => `${SERVER}__${tool}`);

/** Which entries the settings lack; none if all tools of the bus are allowed. */
export function notAllowed(text: JsonText): string[] {
  const held = valuesOf(text);
  return [SERVER, `${SERVER}__*`].some((all) => held.includes(all))
    ? []
    : ENTRIES.filter((entry) => !held.includes(entry));
}

/** Lets sessions call the harmless tools without a question. */
export function allowStep(config: InstallConfig, ledger: Ledger): Step {
  const file = join(config.claude.folder, "settings.json");
  const changed = () => {
    const text = readSettings(file);
    putAllowed(text);
    return text.toString();
  };
  return {
    what: "allow",
    async plan() {
      const text = `${ENTRIES.length} tools of the bus without a question, in permissions.allow of ${file}`;
      if (notAllowed(readSettings(file)).length === 0) return { state: "unchanged", text };
      changed();
      ledger.check(file);
      return {
        state: "planned",
        text,
        async apply() {
          ledger.write(file, changed());
          return undefined;
        },
      };
    },
  };
}

function putAllowed(text: JsonText): void {
  const missing = notAllowed(text);
  const permissions = propertyOf(text.root, "permissions");
  if (permissions === undefined) {
    text.insert(text.root, { allow: missing }, "permissions");
    return;
  }
  text.expect(permissions, "object", "permissions");
  const allow = propertyOf(permissions, "allow");
  if (allow === undefined) {
    text.insert(permissions, missing, "allow");
    return;
  }
  text.expect(allow, "array", "permissions.allow");
  for (const entry of missing) text.insert(listOf(text) ?? allow, entry);
}

/** Takes out our entries, but for those of `former`, the settings from before; and what is empty then. */
export function dropAllowed(text: JsonText, former: JsonText | undefined): void {
  const stays = former === undefined ? [] : valuesOf(former);
  const find = () =>
    listOf(text)?.children?.find(({ value }) => ENTRIES.includes(value) && !stays.includes(value));
  const before = find();
  for (let one = before; one !== undefined; one = find()) text.remove(one);
  if (before === undefined) return;
  const list = listOf(text);
  if (list?.parent !== undefined && isEmpty(list) && !(former && listOf(former))) text.remove(list.parent);
  const permissions = propertyOf(text.root, "permissions");
  const stood = former && propertyOf(former.root, "permissions");
  if (permissions?.parent !== undefined && isEmpty(permissions) && stood === undefined)
    text.remove(permissions.parent);
}

function isEmpty({ children = [] }: Node): boolean {
  return children.length === 0;
}

/** Whether settings hold entries as ours. */
export function holdsAllowed(file: string): boolean {
  return textOf(file) !== undefined && valuesOf(readSettings(file)).some((one) => ENTRIES.includes(one));
}

function valuesOf(text: JsonText): string[] {
  return (listOf(text)?.children ?? []).map(({ value }) => String(value));
}

function listOf(text: JsonText): Node | undefined {
  const permissions = propertyOf(text.root, "permissions");
  const allow = permissions?.type === "object" ? propertyOf(permissions, "allow") : undefined;
  return allow?.type === "array" ? allow : undefined;
}
