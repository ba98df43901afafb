import { HOOKS, type HookName, STAYING } from "../hooks/names.ts";
import { quoted } from "../lib/escape.ts";
import { type JsonText, type Node, propertyOf } from "../lib/jsonc.ts";
import { append } from "./claude_settings.ts";
import type { Waiting } from "./claude_version.ts";

/** The hooks of an executable, for one version of the client. */
export interface Wanted {
  binary: string;
  waiting: Waiting;
}

/** Each hook at each of its events. */
const TABLE = (Object.keys(HOOKS) as HookName[]).flatMap((name) => {
  const { events, ...rest } = HOOKS[name];
  const settings = "settings" in rest ? rest.settings : {};
  const matcher = "matcher" in rest ? rest.matcher : undefined;
  return events.map((event: string) => ({ event, name, label: labelOf(event, name), settings, matcher }));
});

type Line = (typeof TABLE)[number];

/** For people: `Stop: hook wait`. */
function labelOf(event: string, name: string): string {
  return `${event}: hook ${name}`;
}

export function linesFor(waiting: Waiting): readonly Line[] {
  return waiting === "none" ? TABLE.filter(({ name }) => !STAYING.includes(name)) : TABLE;
}

/** The client's settings for an executable, without anything else. */
export function hooksOf(binary: string, waiting: Waiting = "any") {
  return entriesOf(linesFor(waiting), { binary, waiting });
}

function entriesOf(lines: readonly Line[], wanted: Wanted) {
  const hooks: Record<string, { matcher?: string; hooks: ReturnType<typeof hookOf>[] }[]> = {};
  for (const line of lines) {
    const { matcher } = line;
    hooks[line.event] ??= [{ ...(matcher !== undefined && { matcher }), hooks: [] }];
    hooks[line.event]?.[0]?.hooks.push(hookOf(line, wanted));
  }
  return hooks;
}

const WAIT_AFTER_TURN = "Stop: hook wait";

/** Hooks that the plugin has beside its mod: those that start a session, replace the mod, or stand beside a dialog. */
const BESIDE_MOD: readonly string[] = [
  "SessionStart: hook session-start",
  "SessionStart: hook wait",
  WAIT_AFTER_TURN,
  "PermissionRequest: hook permission",
  "Notification: hook notification",
];

/** The command hooks of the plugin. The client watches a file, which the mod changes once it may not wake the session. */
export function pluginHooks(binary: string) {
  const lines = TABLE.filter(({ label }) => BESIDE_MOD.includes(label));
  const waiter = lines.filter(({ label }) => label === WAIT_AFTER_TURN);
  const watching = waiter.map((line) => ({ ...line, event: "FileChanged" }));
  return entriesOf([...lines, ...watching], { binary, waiting: "plain" });
}

/** The parent of the shell that runs the hook is the client. */
const PARENT = ' --pid "$PPID"';

/** A compiled program does not start in a folder that was deleted. A hook finds its session's folder on stdin. */
const ANYWHERE = "cd /; exec ";

function hookOf({ name, settings }: Line, { binary, waiting }: Wanted) {
  const flag = STAYING.includes(name) && waiting === "named" ? PARENT : "";
  return { type: "command", command: `${ANYWHERE}${quoted(binary)} hook ${name}${flag}`, ...settings };
}

const WORD = String.raw`(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\|&;<>()])+`;
// Variables in front and flags behind are part of a hook. A line with anything else is the user's own.
const COMMAND = new RegExp(
  String.raw`^\s*(?:cd\s+/\s*;\s*)?(?:\w+=(?:${WORD})?\s+)*(?:exec\s+)?(${WORD})\s+hook\s+([a-z-]+)(?:\s+${WORD})*\s*$`,
);

/** The hook of ours that a command runs. */
export function hookIn(command: string): string | undefined {
  const [, program = "", name] = COMMAND.exec(command) ?? [];
  // A backslash quotes the next character, but separates folders on Windows.
  const path = program.replace(/['"]|\\(?=.)/g, (mark) => (mark === "\\" ? "/" : ""));
  return /(^|[/\\])agent-event-bus(-cli)?(\.exe)?$/i.test(path) ? name : undefined;
}

/** Our hooks in the settings. @throws Error with the place when `hooks`, or one of our events in it, has another type. */
function entriesIn(text: JsonText) {
  const hooks = propertyOf(text.root, "hooks");
  if (hooks === undefined) return [];
  text.expect(hooks, "object", "hooks");
  return (hooks.children ?? []).flatMap(({ children: [key, groups] = [] }) => {
    const event = String(key?.value);
    if (groups !== undefined && TABLE.some((line) => line.event === event))
      text.expect(groups, "array", `hooks.${event}`);
    const listed = (groups?.children ?? []).flatMap((group) => propertyOf(group, "hooks")?.children ?? []);
    return listed.flatMap((node) => {
      const name = hookIn(String(propertyOf(node, "command")?.value ?? ""));
      return name === undefined ? [] : [{ event, label: labelOf(event, name), node }];
    });
  });
}

type Entry = ReturnType<typeof entriesIn>[number];

/** Settings of an entry to change. The user's own time limit stays, and so does a process id that is not needed. */
function changesOf({ node }: Entry, line: Line, wanted: Wanted): [key: string, value: unknown][] {
  return Object.entries(hookOf(line, wanted)).filter(([key, value]) => {
    const found: unknown = propertyOf(node, key)?.value;
    if (key === "command" && found === hookOf(line, { ...wanted, waiting: "named" }).command) return false;
    return typeof value === "number" ? typeof found !== "number" : found !== value;
  });
}

/** Labels of hooks by their state. */
export interface Compared {
  missing: string[];
  /** Names another executable, stands there twice, or is unknown to this version. */
  stale: string[];
  right: string[];
}

export function compare(text: JsonText, wanted: Wanted): Compared {
  const entries = entriesIn(text);
  const found: Compared = { missing: [], stale: [], right: [] };
  const lines = linesFor(wanted.waiting);
  for (const line of lines) {
    const first = entries.find(({ label }) => label === line.label);
    if (first === undefined) found.missing.push(line.label);
    else {
      const isRight = isMatched(first) && changesOf(first, line, wanted).length === 0;
      found[isRight ? "right" : "stale"].push(line.label);
    }
  }
  found.stale.push(...surplus(entries, lines).map(({ label }) => label));
  return found;
}

/** Entries without a line in the table, and repetitions. */
function surplus(entries: readonly Entry[], lines: readonly Line[]): Entry[] {
  const labels = lines.map(({ label }) => label);
  const isFirst = (entry: Entry) => entries.find(({ label }) => label === entry.label) === entry;
  return entries.filter((entry) => !labels.includes(entry.label) || !isFirst(entry));
}

/** True if the entry runs for the tools that its hook is meant for. A hook that is meant for all may be limited by the user. */
function isMatched({ label, node }: Entry): boolean {
  const matcher = TABLE.find((line) => line.label === label)?.matcher;
  const group = node.parent?.parent?.parent;
  return matcher === undefined || (group && propertyOf(group, "matcher")?.value) === matcher;
}

/** Makes the settings hold the table, and nothing else of ours. */
export function putHooks(text: JsonText, wanted: Wanted): void {
  const lines = linesFor(wanted.waiting);
  const last = () => {
    const entries = entriesIn(text);
    return [...surplus(entries, lines), ...entries.filter((entry) => !isMatched(entry))].at(-1);
  };
  for (let one = last(); one !== undefined; one = last()) takeOut(text, one.node, () => false);
  for (const line of lines) repair(text, line, wanted);
  const there = entriesIn(text);
  for (const [event, groups] of Object.entries(hooksOf(wanted.binary, wanted.waiting)))
    if (!there.some((entry) => entry.event === event)) append(text, "hooks", event, groups);
  for (const line of lines)
    if (!entriesIn(text).some(({ label }) => label === line.label)) addBeside(text, line, wanted);
}

function repair(text: JsonText, line: Line, wanted: Wanted): void {
  const find = () => entriesIn(text).find(({ label }) => label === line.label);
  const entry = find();
  if (entry === undefined) return;
  for (const [key, value] of changesOf(entry, line, wanted)) {
    const now = find()?.node;
    const old = now && propertyOf(now, key);
    if (old !== undefined) text.replace(old, value);
    else if (now !== undefined) text.insert(now, value, key);
  }
}

function addBeside(text: JsonText, line: Line, wanted: Wanted): void {
  const list = entriesIn(text).find(({ event }) => event === line.event)?.node.parent;
  if (list !== undefined) text.insert(list, hookOf(line, wanted));
}

export function holdsHooks(text: JsonText): boolean {
  return entriesIn(text).length > 0;
}

/** Takes out our hooks, and what is empty then. Containers of `former`, the settings from before, stay. */
export function dropHooks(text: JsonText, former: JsonText | undefined): void {
  const hooks = former && propertyOf(former.root, "hooks");
  const stays = (hooks?.children ?? []).map(keyOf);
  for (let [one] = entriesIn(text); one !== undefined; [one] = entriesIn(text))
    takeOut(text, one.node, (event) => (event === undefined ? hooks !== undefined : stays.includes(event)));
}

/** Removes a hook with its empty containers, except for an event, or all hooks, that `stays`. */
function takeOut(text: JsonText, hook: Node, stays: (event?: string) => boolean): void {
  const group = hook.parent?.parent?.parent;
  const event = group?.parent?.parent;
  const all = event?.parent?.parent;
  const only = group?.children?.every((one) => ["hooks", "matcher"].includes(keyOf(one)));
  let gone = hook;
  if (group !== undefined && only && text.isAlone(hook)) {
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
