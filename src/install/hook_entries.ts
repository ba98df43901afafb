import type { Node } from "jsonc-parser/lib/esm/main.js";
import { quoted } from "../admin/reason.ts";
import { HOOKS, type HookName } from "../hooks/names.ts";
import { type JsonText, propertyOf } from "./jsonc.ts";

type Settings = Record<string, boolean | number>;

interface Hook {
  type: "command";
  command: string;
  [setting: string]: string | boolean | number;
}

/** One line of the table: a hook at an event of the client. */
interface Line {
  event: string;
  name: HookName;
  settings: Settings;
}

const TABLE: readonly Line[] = (Object.keys(HOOKS) as HookName[]).flatMap((name) => {
  const { events, ...rest } = HOOKS[name];
  const settings: Settings = "settings" in rest ? rest.settings : {};
  return events.map((event): Line => ({ event, name, settings }));
});

/** What the client's settings hold for an executable, when nothing else stands in them. */
export function hooksOf(binary: string): Record<string, { hooks: Hook[] }[]> {
  const hooks: Record<string, { hooks: Hook[] }[]> = {};
  for (const line of TABLE) {
    hooks[line.event] ??= [{ hooks: [] }];
    hooks[line.event]?.[0]?.hooks.push(hookOf(line, binary));
  }
  return hooks;
}

function hookOf({ name, settings }: Line, binary: string): Hook {
  return { type: "command", command: `${quoted(binary)} hook ${name}`, ...settings };
}

/** One of our hooks as it stands in the settings. */
interface Entry {
  event: string;
  name: string;
  node: Node;
}

const WORD = String.raw`(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\|&;<>()])+`;
// Variables in front and flags behind are part of it; whatever else runs in the same line makes it the person's own.
const COMMAND = new RegExp(
  String.raw`^\s*(?:\w+=(?:${WORD})?\s+)*(${WORD})\s+hook\s+([a-z-]+)(?:\s+${WORD})*\s*$`,
);

/** The hook that a command runs; undefined when it is none of ours. */
export function hookIn(command: string): string | undefined {
  const [, program = "", name] = COMMAND.exec(command) ?? [];
  return /(^|[/\\])agent-event-bus(-cli)?(\.exe)?$/i.test(program.replace(/['"]|\\(?=.)/g, bare))
    ? name
    : undefined;
}

// On Windows a path has the character that quotes elsewhere.
function bare(mark: string): string {
  return mark === "\\" ? "/" : "";
}

/** Throws Error with the place when `hooks`, or one of our events in it, has another type. */
function entriesIn(text: JsonText): Entry[] {
  const hooks = propertyOf(text.root, "hooks");
  if (hooks === undefined) return [];
  text.expect(hooks, "object", "hooks");
  return (hooks.children ?? []).flatMap(({ children: [key, groups] = [] }) => {
    const event = String(key?.value);
    if (groups !== undefined && TABLE.some((line) => line.event === event))
      text.expect(groups, "array", `hooks.${event}`);
    const listed = (groups?.children ?? []).flatMap((group) => propertyOf(group, "hooks")?.children ?? []);
    return listed.flatMap((node): Entry[] => {
      const name = hookIn(String(propertyOf(node, "command")?.value ?? ""));
      return name === undefined ? [] : [{ event, name, node }];
    });
  });
}

/** What of an entry is not as it has to be; none when it is right. A person's own time limit is right. */
function changesOf({ node }: Entry, line: Line, binary: string): [key: string, value: unknown][] {
  return Object.entries(hookOf(line, binary)).filter(([key, value]) => {
    const found: unknown = propertyOf(node, key)?.value;
    return typeof value === "number" ? typeof found !== "number" : found !== value;
  });
}

export interface Compared {
  /** `Stop: hook wait` each. */
  missing: string[];
  /** What names another executable, stands there twice, or is no hook of this version. */
  stale: string[];
  right: string[];
}

/** Compares the settings with the table. */
export function compare(text: JsonText, binary: string): Compared {
  const entries = entriesIn(text);
  const found: Compared = { missing: [], stale: [], right: [] };
  for (const line of TABLE) {
    const [first] = entries.filter((entry) => matches(entry, line));
    const state =
      first === undefined ? "missing" : changesOf(first, line, binary).length > 0 ? "stale" : "right";
    found[state].push(label(line));
  }
  found.stale.push(...surplus(entries).map(label));
  return found;
}

function label({ event, name }: { event: string; name: string }): string {
  return `${event}: hook ${name}`;
}

function matches(entry: Entry, line: Line): boolean {
  return entry.event === line.event && entry.name === line.name;
}

/** Those that no line of the table wants: the first of each is the one that counts. */
function surplus(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => {
    const line = TABLE.find((one) => matches(entry, one));
    return line === undefined || entries.find((one) => matches(one, line)) !== entry;
  });
}

/** Makes the settings hold the table, and nothing else of ours. */
export function putHooks(text: JsonText, binary: string): void {
  for (let one = surplus(entriesIn(text)).at(-1); one !== undefined; one = surplus(entriesIn(text)).at(-1))
    takeOut(text, one.node, () => false);
  for (const line of TABLE) repair(text, line, binary);
  for (const [event, [group]] of Object.entries(hooksOf(binary))) {
    const lines = TABLE.filter((line) => line.event === event);
    const absent = lines.filter((line) => !entriesIn(text).some((entry) => matches(entry, line)));
    if (absent.length === lines.length) addGroup(text, event, group);
    else for (const line of absent) addBeside(text, line, binary);
  }
}

function repair(text: JsonText, line: Line, binary: string): void {
  const find = () => entriesIn(text).find((entry) => matches(entry, line));
  const entry = find();
  if (entry === undefined) return;
  for (const [key, value] of changesOf(entry, line, binary)) {
    const now = find()?.node;
    const old = now && propertyOf(now, key);
    if (old !== undefined) text.replace(old, value);
    else if (now !== undefined) text.insert(now, value, key);
  }
}

function addGroup(text: JsonText, event: string, group: unknown): void {
  const hooks = propertyOf(text.root, "hooks");
  const groups = hooks && propertyOf(hooks, event);
  if (hooks === undefined) text.insert(text.root, { [event]: [group] }, "hooks");
  else if (groups === undefined) text.insert(hooks, [group], event);
  else text.insert(groups, group);
}

function addBeside(text: JsonText, line: Line, binary: string): void {
  const list = entriesIn(text).find(({ event }) => event === line.event)?.node.parent;
  if (list !== undefined) text.insert(list, hookOf(line, binary));
}

/** Whether something of ours stands in the settings. */
export function holdsHooks(text: JsonText): boolean {
  return entriesIn(text).length > 0;
}

/** Takes out whatever is ours. What is empty then goes too, unless it stood in `former`, the settings from before. */
export function dropHooks(text: JsonText, former: JsonText | undefined): void {
  const hooks = former && propertyOf(former.root, "hooks");
  const stays = (hooks?.children ?? []).map(keyOf);
  for (let [one] = entriesIn(text); one !== undefined; [one] = entriesIn(text))
    takeOut(text, one.node, (event) => (event === undefined ? hooks !== undefined : stays.includes(event)));
}

/** With what would be left empty around it, but for the hooks of an event, or all hooks, that stay. */
function takeOut(text: JsonText, hook: Node, stays: (event?: string) => boolean): void {
  const list = hook.parent;
  const group = list?.parent?.parent;
  const event = group?.parent?.parent;
  const all = event?.parent?.parent;
  const empty =
    text.isAlone(hook) && group?.children?.every((one) => ["hooks", "matcher"].includes(keyOf(one)));
  let gone = hook;
  if (group !== undefined && empty) {
    gone = group;
    if (event !== undefined && text.isAlone(group) && !stays(keyOf(event))) {
      gone = event;
      if (all !== undefined && text.isAlone(event) && !stays()) gone = all;
    }
  }
  text.remove(gone);
}

function keyOf({ children }: Node): string {
  return String(children?.[0]?.value);
}
