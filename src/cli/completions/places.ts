import { SERVE_FLAGS } from "../../config/serve_flags.ts";
import { HOOK_FLAGS, HOOKS } from "../../hooks/names.ts";
import { GLOBAL_FLAGS, wordsAfter } from "../argv.ts";
import type { CliCommand, Flag, WordOf } from "../commands.ts";
import { OTHER_COMMANDS } from "../help.ts";

/** Among offers, stands for the files of this machine. */
export const FILES = "<file>";

/** A word that may be typed, with its purpose. */
export interface Offered {
  word: string;
  about: string;
}

/** A flag that takes a value. */
export interface Valued {
  /** Its forms, like `--limit` and `-n`. */
  forms: readonly string[];
  /** Offered as its value. Empty if any text may follow. */
  offers: readonly string[];
}

/** Everything that may follow the words of a command, or the first word of several. */
export interface Place {
  /** Like `send`, `webhook` or `webhook list`. Empty for the program alone. */
  path: string;
  /** The command words that may come next. */
  next: readonly Offered[];
  flags: readonly Offered[];
  valued: readonly Valued[];
  /** The offers for each word, in their order. */
  words: readonly (readonly string[])[];
  /** The last word goes on to the end of the line. */
  rest: boolean;
}

type Typed = Pick<Flag, "name" | "about" | "alias" | "short" | "boolean" | "choices" | "offers"> & {
  value?: string;
};

const HELP: Typed = { name: "help", about: "Show this help", boolean: true, short: "h" };

/** Everything that the command line takes, by the words before it. */
export function placesOf(commands: readonly CliCommand[]): Place[] {
  const places = [...commands.flatMap(placesOfCommand), ...otherPlaces()];
  const firsts = [...new Set(places.map(({ path }) => path.split(" ")[0] ?? ""))];
  const alone = new Map(places.map((place) => [place.path, place]));
  const groups = firsts.flatMap((first) => {
    const next = places
      .filter(({ path }) => path.startsWith(`${first} `))
      .map(({ path, about }) => ({ word: path.slice(first.length + 1), about }));
    const about = wordsAfter(
      first,
      next.map(({ word }) => `${first} ${word}`),
    );
    return next.length === 0 ? [] : [{ about, ...(alone.get(first) ?? placeOf(first, GLOBAL_FLAGS)), next }];
  });
  const all = [...groups, ...places.filter(({ path }) => !groups.some((group) => group.path === path))];
  const next = firsts.map((word) => ({ word, about: all.find(({ path }) => path === word)?.about ?? "" }));
  const help = { word: "help", about: "Show the help of a command" };
  return [{ ...placeOf("", GLOBAL_FLAGS), next: [...next, help] }, ...all];
}

type Described = Place & { about: string };

/** A command under each of its names. */
function placesOfCommand({ name, aliases, about, flags, words, does }: CliCommand): Described[] {
  const own = new Set(flags.map((flag) => flag.name));
  const isLocal = "run" in does;
  const globals = GLOBAL_FLAGS.filter((flag) => !own.has(flag.name) && !(isLocal && flag.name === "url"));
  const rest = words.at(-1)?.rest === true;
  return [name, ...aliases].map((path) => ({
    ...placeOf(path, [...flags, ...globals], words.map(offersOf), rest),
    about: sentence(about),
  }));
}

function otherPlaces(): Described[] {
  const hooks = { flags: [...HOOK_FLAGS, HELP], words: [Object.keys(HOOKS)] };
  const own = { serve: { flags: SERVE_FLAGS, words: [] }, hook: hooks };
  return OTHER_COMMANDS.map(({ name, about }) => ({
    ...placeOf(name, own[name].flags, own[name].words),
    about: sentence(about),
  }));
}

function placeOf(
  path: string,
  flags: readonly Typed[],
  words: readonly (readonly string[])[] = [],
  rest = false,
): Place {
  const valued = flags
    .filter(({ boolean }) => boolean !== true)
    .map((flag) => ({ forms: formsOf(flag), offers: flag.choices ?? flag.offers ?? filesIn(flag.value) }));
  const offered = flags.flatMap((flag) =>
    formsOf(flag).map((word) => ({ word, about: sentence(flag.about) })),
  );
  return { path, next: [], flags: offered, valued, words, rest };
}

function formsOf({ name, alias, short }: Typed): string[] {
  const long = [name, ...(alias === undefined ? [] : [alias])].map((one) => `--${one}`);
  return short === undefined ? long : [...long, `-${short}`];
}

function offersOf({ declared, offers, placeholder }: WordOf): readonly string[] {
  const choices = declared.type === "text" ? declared.choices : undefined;
  return choices ?? offers ?? declared.offers ?? filesIn(placeholder);
}

/** Files, if the placeholder of a value names a file or a folder. */
function filesIn(placeholder = ""): string[] {
  return /\b(FILE|DIR)\b/i.test(placeholder) ? [FILES] : [];
}

/** The first sentence without its full stop. */
function sentence(about: string): string {
  return (about.split(/(?<=\.) /)[0] ?? about).replace(/\.$/, "");
}
