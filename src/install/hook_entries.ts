import type { Node } from "jsonc-parser/lib/esm/main.js";
import { HOOKS, type HookName } from "../hooks/names.ts";
import { quoted } from "../lib/escape.ts";
import type { Waiting } from "./claude_version.ts";
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
export function hooksOf(binary: string, waiting: Waiting = "any"): Record<string, { hooks: Hook[] }[]> {
  const hooks: Record<string, { hooks: Hook[] }[]> = {};
  for (const line of linesFor(waiting)) {
    hooks[line.event] ??= [{ hooks: [] }];
    hooks[line.event]?.[0]?.hooks.push(hookOf(line, binary, waiting));
  }
  return hooks;
}

function linesFor(waiting: Waiting): readonly Line[] {
  return waiting === "none" ? TABLE.filter(({ name }) => name !== "wait") : TABLE;
}

/** For the shell that runs the hook, whose parent is the client. */
const PARENT = ' --pid "$PPID"';

function hookOf({ name, settings }: Line, binary: string, waiting: Waiting): Hook {
  const flag = name === "wait" && waiting === "named" ? PARENT : "";
  return { type: "command", command: `${quoted(binary)} hook ${name}${flag}`, ...settings };
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

/**
 * What of an entry is not as it has to be; none when it is right. A person's own time limit is right, and so is the client's
 * process where it need not be named.
 */
function changesOf({ node }: Entry, line: Line, wanted: Wanted): [key: string, value: unknown][] {
  const { binary, waiting } = wanted;
  return Object.entries(hookOf(line, binary, waiting)).filter(([key, value]) => {
    const found: unknown = propertyOf(node, key)?.value;
    if (key === "command" && found === hookOf(line, binary, "named").command) return false;
    return typeof value === "number" ? typeof found !== "number" : found !== value;
  });
}

/** What the settings are to hold: the hooks of an executable, for one version of the client. */
export interface Wanted {
  binary: string;
  waiting: Waiting;
}

export interface Compared {
  /** `Stop: hook wait` each. */
  missing: string[];
  /** What names another executable, stands there twice, or is no hook of this version. */
  stale: string[];
  right: string[];
}

/** Compares the settings with the table. */
export function compare(text: JsonText, wanted: Wanted): Compared {
  const entries = entriesIn(text);
  const found: Compared = { missing: [], stale: [], right: [] };
  const lines = linesFor(wanted.waiting);
  for (const line of lines) {
    const [first] = entries.filter((entry) => matches(entry, line));
    const state =
      first === undefined ? "missing" : changesOf(first, line, wanted).length > 0 ? "stale" : "right";
    found[state].push(label(line));
  }
  found.stale.push(...surplus(entries, lines).map(label));
  return found;
}

function label({ event, name }: { event: string; name: string }): string {
  return `${event}: hook ${name}`;
}

function matches(entry: Entry, line: Line): boolean {
  return entry.event === line.event && entry.name === line.name;
}

/** Those that no line of the table wants: the first of each is the one that counts. */
function surplus(entries: readonly Entry[], lines: readonly Line[]): Entry[] {
  return entries.filter((entry) => {
    const line = lines.find((one) => matches(entry, one));
    return line === undefined || entries.find((one) => matches(one, line)) !== entry;
  });
}

/** Makes the settings hold the table, and nothing else of ours. */
export function putHooks(text: JsonText, wanted: Wanted): void {
  const { binary, waiting } = wanted;
  const lines = linesFor(waiting);
  const last = () => surplus(entriesIn(text), lines).at(-1);
  for (let one = last(); one !== undefined; one = last()) takeOut(text, one.node, () => false);
  for (const line of lines) repair(text, line, wanted);
  for (const [event, [group]] of Object.entries(hooksOf(binary, waiting))) {
    const own = lines.filter((line) => line.event === event);
    const absent = own.filter((line) => !entriesIn(text).some((entry) => matches(entry, line)));
    if (absent.length === own.length) addGroup(text, event, group);
    else for (const line of absent) addBeside(text, line, wanted);
  }
}

function repair(text: JsonText, line: Line, wanted: Wanted): void {
  const find = () => entriesIn(text).find((entry) => matches(entry, line));
  const entry = find();
  if (entry === undefined) return;
  for (const [key, value] of changesOf(entry, line, wanted)) {
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

function addBeside(text: JsonText, line: Line, { binary, waiting }: Wanted): void {
  const list = entriesIn(text).find(({ event }) => event === line.event)?.node.parent;
  if (list !== undefined) text.insert(list, hookOf(line, binary, waiting));
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
