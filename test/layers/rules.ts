import { builtinModules } from "node:module";
import type { Import, Source } from "../../build/sources.ts";

/** One breach of a rule. `key` names the breach however the file changes, and `where` helps to find it. */
export interface Breach {
  key: string;
  where?: string;
}

export type Rule = (sources: readonly Source[]) => Breach[];

/** Rooms, single files and packages that each room may load besides itself. Imports of types count. */
export const MAY_LOAD: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli", "serve", "hooks"],
  "files.d.ts": [],
  lib: ["jsonc-parser", "hash-wasm"],
  domain: ["lib"],
  operations: ["domain", "lib", "zod"],
  tokens: ["domain", "lib"],
  config: ["domain", "lib", "runtime/file.ts", "package.json"],
  sqlite: ["domain", "lib", "runtime"],
  postgres: ["tokens", "domain", "lib", "pg"],
  http: [...edge(), "elysia", "@modelcontextprotocol/sdk"],
  webhooks: [...edge(), "ipaddr.js"],
  inbound: ["domain", "lib"],
  desktop: edge(),
  push: edge(),
  rpc: ["config", "lib", "runtime/file.ts", "runtime/connect.ts"],
  admin: ["domain", "sqlite", "postgres", "tokens", "rpc", "config", "lib"],
  install: [
    ...["rpc", "admin", "tokens", "hooks/names.ts", "mod/bundle.ts", "config", "lib"],
    ...["launchd", "systemd", "jsonc-parser"],
  ],
  cli: [
    ...["operations", "rpc", "install", "admin", "hooks/names.ts", "config", "domain", "lib"],
    ...["runtime/stdio.ts", "cac"],
  ],
  hooks: ["rpc", "config", "domain", "lib", "runtime/stdio.ts"],
  mod: ["hooks", "rpc/answer.ts", "rpc/errors.ts", "config/parse_settings.ts", "lib"],
  serve: [
    ...edge(),
    "http",
    "webhooks",
    "inbound",
    "desktop",
    "push",
    "sqlite",
    "postgres",
    "rpc",
    "admin",
    "install",
  ],
  page: ["domain", "lib", "preact", "@preact/signals"],
  runtime: ["@elysiajs/node", "elysia"],
};

/** Rooms that every room at the edge of the server may load. */
function edge(): string[] {
  return ["operations", "domain", "tokens", "lib", "config", "runtime"];
}

/** The first folder of a path below `src`. A file in no folder is a room of its own. */
export function roomOf(path: string): string {
  return path.replace(/^\.\.\//, "").split("/")[0] ?? path;
}

/** The room, or the package, that an import loads. Undefined for a builtin. */
export function loadedBy({ name, file }: Import): string | undefined {
  if (file !== undefined) return roomOf(file);
  if (/^(node:|bun:|bun$)/.test(name)) return undefined;
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

export const rooms: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter((one) => {
        const loaded = loadedBy(one);
        if (loaded === undefined || loaded === roomOf(path)) return false;
        const allowed = MAY_LOAD[roomOf(path)] ?? [];
        return !allowed.includes(loaded) && !allowed.includes(one.file ?? "");
      })
      .map((one) => ({ key: `${path} → ${one.file ?? loadedBy(one)}` })),
  );

/** Each circle is one breach, by its files in order. */
export const circles: Rule = (sources) => {
  const known = new Map(sources.map((source) => [source.path, source]));
  const reach = new Map(sources.map(({ path }) => [path, reachedFrom(path, known)]));
  const around = sources
    .filter(({ path }) => reach.get(path)?.has(path))
    .map(({ path }) => [...(reach.get(path) ?? [])].filter((other) => reach.get(other)?.has(path)).sort());
  return [...new Set(around.map((circle) => circle.join(" ⇄ ")))].map((key) => ({ key }));
};

/** Every file that a file loads, directly or not. Itself only if it lies on a circle. */
function reachedFrom(path: string, known: ReadonlyMap<string, Source>): Set<string> {
  const reached = new Set<string>();
  const visit = (from: string): void => {
    for (const { file } of known.get(from)?.imports ?? []) {
      if (file === undefined || !known.has(file) || reached.has(file)) continue;
      reached.add(file);
      visit(file);
    }
  };
  visit(path);
  return reached;
}

export const functions: Rule = (sources) =>
  sources.flatMap((source) =>
    source.functions
      .filter(({ lines }) => lines > 40)
      .map(({ name, line, lines }) => ({
        key: `${source.path} ${name}`,
        where: `line ${line}, ${lines} lines`,
      })),
  );

export const files: Rule = (sources) =>
  sources
    .filter(({ lines }) => lines > 250)
    .map(({ path, lines }) => ({ key: path, where: `${lines} lines` }));

/** Files outside of the runtime that name `Bun`, each behind a constant condition that the build decides. */
const NAMES_BUN = ["main.ts", "cli/cli.ts", "cli/output.ts", "hooks/input.ts"];

export const bun: Rule = (sources) =>
  sources
    .filter(({ path }) => roomOf(path) !== "runtime")
    .filter(({ path, identifiers, imports }) => {
      const modules = imports.some(({ name }) => name === "bun" || name.startsWith("bun:"));
      return modules || (identifiers.has("Bun") && !NAMES_BUN.includes(path));
    })
    .map(({ path }) => ({ key: path }));

export const builtins: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ name }) => builtinModules.includes(name) && !/^(node:|bun)/.test(name))
      .map(({ name }) => ({ key: `${path} → ${name}`, where: `write node:${name}` })),
  );

export const environment: Rule = (sources) =>
  sources
    .filter(({ text }) => /process\s*\.\s*env|process\[|Bun\.env|import\.meta\.env/.test(text))
    .filter(({ path }) => path !== "config/client.ts")
    .map(({ path }) => ({ key: path }));

/** Phrases that no comment may have, with what to write instead. */
export const BANNED: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/^(It|They)\b/, "name the subject"],
  [/^(What|Whether|Whatever)\b/, "start with a verb or a noun phrase"],
  [/\b(whoever|somebody|someone|anybody)\b/i, "user, client, caller, receiver or agent"],
  [/\b(is|are) none\b/i, "is not a …"],
  [/(?<!\bthere )\bis no (?!longer)/i, "there is no …, is not a …"],
  [/\bso long\b(?! as)/i, "up to N s"],
  [/(?<!@)\bThrows\b/, "@throws X when …"],
  [/, (ms|bytes|seconds)\b/, "(ms), (bytes)"],
  [/; /, "two sentences"],
  [/\b(formerly|used to|previously|renamed|in the past)\b/i, "no history"],
  [/\b(trouble|stray|ledger|courier|pump|dear|however much)\b/i, "the word of the glossary"],
];

const MOST_WORDS = 25;

export const phrases: Rule = (sources) =>
  sources.flatMap(({ path, comments }) =>
    comments.flatMap(({ line, text }) =>
      [
        ...BANNED.flatMap(([phrase, instead]) => {
          const found = phrase.exec(text)?.[0].trim();
          return found === undefined ? [] : [`"${found}": ${instead}`];
        }),
        ...sentencesOf(text)
          .filter((sentence) => sentence.split(" ").length > MOST_WORDS)
          .map(() => `a sentence of more than ${MOST_WORDS} words`),
      ].map((problem) => ({ key: `${path}: ${problem}`, where: `line ${line}: ${text}` })),
    ),
  );

/** A full stop ends a sentence if a capital or a name in quotes follows. */
function sentencesOf(text: string): string[] {
  return text.split(/(?<=[.!?]) (?=[A-Z`"@])/);
}

export const RULES = { rooms, circles, functions, files, bun, builtins, environment, phrases } as const;

export type RuleName = keyof typeof RULES;
