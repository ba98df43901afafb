import type { CliCommand } from "../commands.ts";
import bash from "./completions.bash" with { type: "text" };
import fish from "./completions.fish" with { type: "text" };
import zsh from "./completions.zsh" with { type: "text" };
import { type Offered, type Place, placesOf } from "./places.ts";

/** The scripts, each with a line where its branch for each place goes. */
const SCRIPTS = { bash, zsh, fish };

const MARK = /^ *# @places@$/m;

/** The completion script of a shell for the commands. */
export function scriptFor(shell: keyof typeof SCRIPTS, commands: readonly CliCommand[]): string {
  const places = placesOf(commands);
  const branches = places.map((place) => (shell === "fish" ? fishBranch(place) : arrayBranch(place, shell)));
  return SCRIPTS[shell].replace(MARK, () => branches.join("\n"));
}

/** A branch of a `case`. Only zsh shows the purpose of a word. */
function arrayBranch(place: Place, shell: "bash" | "zsh"): string {
  const item = ({ word, about }: Offered) => shQuoted(shell === "zsh" ? `${word}:${about}` : word);
  const lines = listsOf(place, item, shQuoted).map(([name, items]) => `      ${name}=(${items.join(" ")})`);
  const all = place.rest ? [...lines, "      rest=1"] : lines;
  return [`    ${shQuoted(place.path)})`, ...all, "      ;;"].join("\n");
}

/** A branch of a `switch`. */
function fishBranch(place: Place): string {
  const item = ({ word, about }: Offered) => `${fishQuoted(word)}\\t${fishQuoted(about)}`;
  const lines = listsOf(place, item, fishQuoted).map(
    ([name, items]) => `            set ${name} ${items.join(" ")}`,
  );
  const all = place.rest ? [...lines, "            set rest 1"] : lines;
  return [`        case ${fishQuoted(place.path)}`, ...all].join("\n");
}

/** The lists of a place that hold something. A flag that takes a value and its offers are one text, with spaces between. */
function listsOf(
  { next, flags, valued, words }: Place,
  item: (offered: Offered) => string,
  quoted: (text: string) => string,
): (readonly [name: string, items: readonly string[]])[] {
  const values = valued.flatMap(({ forms, offers }) => forms.map((form) => [form, ...offers].join(" ")));
  const lists = [
    ["next", next.map(item)],
    ["flags", flags.map(item)],
    ["valued", values.map(quoted)],
    ["slots", words.map((offers) => quoted(offers.join(" ")))],
  ] as const;
  return lists.filter(([, items]) => items.length > 0);
}

function shQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
