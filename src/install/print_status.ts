import type { Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { tilde } from "../lib/tilde.ts";
import { wrapped } from "../lib/wrap.ts";
import { searchWords } from "./search_words.ts";

const LABEL = 10;
const COLUMNS = 80;

/** Shows the facts in lines of 80 columns. */
export function printStatus(facts: Json, to: Printer): void {
  const { running, version: runs, installed_version: installed, pid, since, database } = facts;
  const rows: [string, unknown][] = [
    ["bus", running ? "runs" : typeof pid === "number" ? "does not answer" : "does not run"],
    ["version", runs],
    ["installed", runs === installed ? null : installed],
    ["process", pid],
    ["since", since === null ? null : `${to.time(since)} (${to.ago(since)})`],
    ["url", facts.url],
    ["database", typeof database === "string" ? tilde(database) : null],
    ["service", facts.service],
    ["sessions", facts.sessions],
    ["search", searchWords(facts.search)],
  ];
  for (const [name, value] of rows) {
    if (value === null || value === undefined) continue;
    const lines = wrapped(to.text(value), COLUMNS - LABEL);
    for (const [i, line] of lines.entries()) to.line(`${to.dim((i === 0 ? name : "").padEnd(LABEL))}${line}`);
  }
}
