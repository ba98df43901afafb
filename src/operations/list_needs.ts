import type { Question } from "../domain/need.ts";
import type { Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { lazily } from "../lib/lazily.ts";
import { wrapped } from "../lib/wrap.ts";
import { operation } from "./operation.ts";
import { NEED_ID } from "./params.ts";

/** Loaded at the first call, so that commands do without it. */
const run = lazily(async () => (await import("./run_list_needs.ts")).runListNeeds);

export const listNeeds = operation({
  name: "list_needs",
  about: "List what waits for the user: dialogs, questions, calls for help.",
  effect: "reads",
  scope: "read",
  listed: "all",
  params: {
    need_id: { ...NEED_ID, optional: true, about: "Only this one" },
    all: { type: "boolean", default: false, about: "Closed ones too, latest first" },
  },
  command: {
    name: "needs",
    about: "Show what waits for you, and how to answer it.",
    words: [{ param: "need_id", placeholder: "ID" }],
    examples: [
      ["needs", "what waits for you, and how to answer"],
      ["needs 4", "the whole input of a permission"],
      ["needs --all", "how the latest ones were closed"],
    ],
  },
  run,
  print(result, to) {
    const needs = result.result as Json[];
    if (needs.length === 0) return to.line("Nothing waits for you.");
    const [first] = needs;
    if (needs.length === 1 && first?.kind === "permission" && first.input) return printWhole(first, to);
    for (const [i, need] of needs.entries()) {
      if (i > 0) to.line();
      printOne(need, to);
    }
  },
});

const ASKS: Readonly<Record<string, string>> = {
  permission: "asks for permission",
  question: "asks",
  elicitation: "shows a form",
  ask: "asks you",
  help: "needs help",
};

function printOne(need: Json, to: Printer): void {
  const where = [need.repo, need.branch].filter(Boolean).map((text) => to.text(text));
  const head = `${to.bold(`#${to.text(need.need_id)} ${to.text(need.name)}`)} ${ASKS[String(need.kind)] ?? ""}`;
  const isOpen = need.state === "open";
  to.line(
    `${isOpen ? to.colour("attention", head) : head}  ${to.dim([...where, to.ago(need.since)].join(" · "))}`,
  );
  const questions = (need.questions ?? []) as Question[];
  if (questions.length === 0) indented("  ", to.text(need.text), to);
  for (const { question, options, multiple } of questions) {
    indented("  ", `${to.text(question)}${multiple ? " (several, with commas)" : ""}`, to);
    for (const [i, { label, description }] of options.entries()) {
      const more = description === "" || description === label ? "" : `: ${to.text(description)}`;
      indented("    ", `${i + 1} ${to.text(label)}${more}`, to);
    }
  }
  if (isOpen) for (const line of howTo(need, to)) to.line(`  ${to.dim(line)}`);
  else indented("  ", `${to.text(need.state)}: ${to.text(need.closed)}`, to);
}

/** Breaks a text between words, each line with the indent. */
function indented(indent: string, text: string, to: Printer): void {
  const lines = to.width === undefined ? [text] : wrapped(text, to.width - indent.length);
  for (const line of lines) to.line(`${indent}${line}`);
}

/** The commands for it. */
function howTo({ need_id, kind, answerable, questions = [] }: Json, to: Printer): string[] {
  if (answerable !== true) return ["Answer it in its terminal."];
  const id = to.text(need_id);
  const answer = `agent-event-bus answer ${id}`;
  if (kind === "permission")
    return [`agent-event-bus needs ${id}`, `${answer} allow`, `${answer} deny "why"`];
  const [first] = questions as Question[];
  const label = first?.options[0]?.label;
  return [`${answer} ${label === undefined ? '"…"' : to.text(JSON.stringify(label))}`];
}

function printWhole(need: Json, to: Printer): void {
  printOne(need, to);
  to.line();
  if (need.tool !== null) to.line(`  tool: ${to.text(need.tool)}`);
  if (need.cwd !== null) to.line(`  folder: ${to.text(need.cwd)}`);
  for (const [name, value] of Object.entries(need.input as Json)) {
    to.line(`  ${to.text(name)}:`);
    to.block(typeof value === "string" ? value : JSON.stringify(value, null, 2), "    ");
  }
}
