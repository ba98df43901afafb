import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, readTexts, type Source, type Texts } from "../build/sources.ts";
import { BANNED, loadedBy, MAY_LOAD, RULES, type RuleName, roomOf } from "./layers/rules.ts";

const src = resolve(import.meta.dir, "../src");
const sources = await parse(readTexts(src));
const byPath = new Map(sources.map((source) => [source.path, source]));

const TITLES: Readonly<Record<RuleName, string>> = {
  rooms: "each room loads only what it may, types included",
  circles: "no files load each other in a circle, types included",
  functions: "no function is longer than 40 lines",
  files: "no file is longer than 250 lines",
  bun: "Bun is named in the runtime only",
  builtins: "builtins are named with node:",
  environment: "only config reads the environment",
  phrases: "comments are plain English",
};

for (const [name, title] of Object.entries(TITLES) as [RuleName, string][])
  test(title, () => {
    const found = RULES[name](sources);
    expect(found.map(({ key, where = "" }) => `${key} ${where}`)).toEqual([]);
  });

test("every room has a rule", () => {
  expect(readdirSync(src).filter((room) => !(room in MAY_LOAD))).toEqual([]);
});

test("CONTRIBUTING says of each room what the rule says", () => {
  const page = readFileSync(join(src, "../CONTRIBUTING.md"), "utf8");
  const list = page.split("## Who may load whom")[1]?.split("\n## ")[0] ?? "";
  const said = Array.from(list.matchAll(/^\| (`.*`) \| (.*) \|$/gm)).flatMap(([, names = "", loaded = ""]) =>
    names.split(", ").map((name) => [name.replaceAll("`", ""), loaded.replaceAll("`", "")]),
  );
  const ruled = Object.entries(MAY_LOAD).map(([room, allowed]) => {
    const rooms = allowed.filter((one) => one in MAY_LOAD || one.endsWith(".ts"));
    return [room, rooms.map((one) => one.replace(/\.ts$/, "")).join(", ") || "no room"];
  });
  const words = (rows: string[][]) =>
    rows
      .filter(([room = ""]) => !["main", "main.ts", "serve", "runtime", "files.d.ts"].includes(room))
      .map(([room, loaded = ""]) => `${room}: ${loaded.split(", ").sort()}`)
      .sort();
  expect(words(said)).toEqual(words(ruled));
});

/** A comment for each phrase that is banned, in the order of the list. */
const BAD_COMMENTS = [
  "It opens the file.",
  "What a caller may do.",
  "The name of whoever asked.",
  "A late answer is none.",
  "A late answer is no answer.",
  "Waits so long for a match.",
  "Throws RangeError when the number is negative.",
  "The pause between two tries, ms.",
  "Opens the file; closes it again.",
  "The folder was renamed.",
  "Prints the ledger.",
];

const lines = (count: number) => "\n".repeat(count);

/** A small made-up tree that breaks each rule, and the breaches. */
const BROKEN: Readonly<Record<RuleName, [tree: Texts, ...breaches: string[]]>> = {
  rooms: [
    {
      "domain/event.ts": 'import type { Row } from "../sqlite/row.ts"; export * from "elysia";',
      "sqlite/row.ts":
        'import { big } from "../lib/big.ts"; type Event = import("../domain/event.ts").Event; big();',
      "lib/big.ts": 'await import("../serve/serve.ts");',
      "install/a.ts": 'import { NAMES } from "../hooks/names.ts"; import { hook } from "../hooks/hook.ts";',
    },
    "domain/event.ts → sqlite/row.ts",
    "domain/event.ts → elysia",
    "lib/big.ts → serve/serve.ts",
    "install/a.ts → hooks/hook.ts",
  ],
  circles: [
    {
      "a/one.ts": 'import { two } from "./two.ts"; export type One = 1;',
      "a/two.ts": 'export { three as two } from "../b/three.ts";',
      "b/three.ts": 'import type { One } from "../a/one.ts"; export const three: One = 1;',
      "b/four.ts": 'import { three } from "./three.ts"; three;',
    },
    "a/one.ts ⇄ a/two.ts ⇄ b/three.ts",
  ],
  functions: [
    {
      "lib/long.ts": `export const long = () => {${lines(40)}};
        export const fits = { run() {${lines(39)}} };
        export class Many { /* its length */ ${lines(50)} each() {${lines(41)}} }`,
    },
    "lib/long.ts long",
    "lib/long.ts each",
  ],
  files: [{ "lib/long.ts": lines(251), "lib/fits.ts": lines(250) }, "lib/long.ts"],
  bun: [
    {
      "lib/a.ts": "export type Server = Bun.Server;",
      "lib/b.ts": 'import { $ } from "bun";',
      "lib/c.ts": '// Bun and "Bun"\nexport const name = "Bun";',
      "runtime/bun.ts": "Bun.gc();",
      "cli/output.ts": "await Bun.stdout.write('');",
    },
    "lib/a.ts",
    "lib/b.ts",
  ],
  builtins: [{ "lib/a.ts": 'import "fs"; import "node:path"; import "bun:sqlite";' }, "lib/a.ts → fs"],
  environment: [
    {
      "lib/a.ts": "process.env.HOME;",
      "lib/b.ts": 'process["env"];',
      "config/client.ts": "process.env.HOME;",
    },
    "lib/a.ts",
    "lib/b.ts",
  ],
  phrases: [
    {
      "lib/said.ts": `export const text = "// It is no comment; it is text.";
        // There is no limit. The link stays so long as the folder does.
        export const url = \`http://x/; // \${text}\`; /** Reads one. @throws RangeError when it is negative. */`,
      "lib/long.ts": `/**
        * Every word of this sentence is counted until the full stop that ends it, and it goes on
        * for ten words too many, which nobody reads.
        */`,
      ...Object.fromEntries(BAD_COMMENTS.map((comment, i) => [`lib/${i}.ts`, `const a = 1; // ${comment}`])),
    },
    "lib/long.ts: a sentence of more than 25 words",
    ...BANNED.map(([phrase, instead], i) => {
      const found = phrase.exec(BAD_COMMENTS[i] ?? "")?.[0].trim();
      return `lib/${i}.ts: "${found}": ${instead}`;
    }),
  ],
};

describe("a tree that breaks the rule is found out:", () => {
  for (const [name, [tree, ...breaches]] of Object.entries(BROKEN) as [RuleName, [Texts, ...string[]]][])
    test(TITLES[name], async () => {
      const found = RULES[name](await parse(tree)).map(({ key }) => key);
      expect(found.sort()).toEqual(breaches.sort());
    });
});

/** Every file of ours and every package that is loaded when `entry` runs, without what it loads later. */
function loadedWith(entry: string): { ours: Set<string>; packages: Set<string> } {
  const ours = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string) => {
    if (ours.has(path)) return;
    ours.add(path);
    for (const one of byPath.get(path)?.imports ?? []) {
      if (one.kind !== "run") continue;
      const loaded = loadedBy(one);
      if (one.file !== undefined) visit(one.file);
      else if (loaded !== undefined) packages.add(loaded);
    }
  };
  visit(entry);
  return { ours, packages };
}

const roomsOf = (paths: Iterable<string>) => [...new Set([...paths].map(roomOf))].sort();
const importsOf = (path: string): Source["imports"] => byPath.get(path)?.imports ?? [];

test("main loads the commands, the server and the hooks by import() only", () => {
  const imports = importsOf("main.ts");
  expect(roomsOf(imports.map(({ file = "" }) => file))).toEqual(["cli", "hooks", "serve"]);
  expect(imports.filter(({ kind }) => kind === "run" || kind === "type")).toEqual([]);
});

/** Small files that commands and hooks load, and nothing else of the runtime. */
const SMALL_FILES = ["runtime/file.ts", "runtime/connect.ts", "runtime/stdio.ts"];

function expectSmall(ours: Iterable<string>): void {
  const large = [...ours].filter((path) => roomOf(path) === "runtime" && !SMALL_FILES.includes(path));
  expect(large).toEqual([]);
}

test("a command loads no package until it needs cac, and nothing of the server or the store", () => {
  const { ours, packages } = loadedWith("cli/cli.ts");
  expect([...packages]).toEqual([]);
  const cac = importsOf("cli/argv.ts").filter(({ file }) => file === undefined);
  expect(cac).toEqual([{ name: "cac", file: undefined, kind: "lazy" }]);
  const rooms = ["cli", "config", "domain", "lib", "operations", "rpc", "package.json", "runtime"];
  expect(roomsOf(ours)).toEqual(rooms.sort());
  expectSmall(ours);
  const all = loadedWith("cli/registry.ts");
  expect([...all.packages]).toEqual([]);
  expect(roomsOf(all.ours)).toEqual(["admin", "cli", "domain", "install", "lib", "operations"]);
});

test("a hook loads no package, no operation and nothing of the client, the server or the store", () => {
  const hooks = [...byPath.keys()].filter((path) => roomOf(path) === "hooks").map(loadedWith);
  expect(hooks.length).toBeGreaterThan(4);
  expect(hooks.flatMap(({ packages }) => [...packages])).toEqual([]);
  const ours = new Set(hooks.flatMap((hook) => [...hook.ours]));
  expect(roomsOf(ours)).toEqual(["config", "hooks", "lib", "package.json", "rpc", "runtime"]);
  expectSmall(ours);
});

test("the server loads no cac", () => {
  expect([...loadedWith("serve/serve.ts").packages]).not.toContain("cac");
});

test("the parser tells what runs from what is only a type", async () => {
  const code = `import type { A } from "a"; import { type B } from "b"; export type * from "c";
    import d, { type D } from "d"; export { e } from "e"; await import("f"); import "g";
    import h from "h" with { type: "macro" }; type I = import("i").I; import * as j from "j";`;
  const [source] = await parse({ "lib/a.ts": code });
  const kinds = Object.fromEntries((source as Source).imports.map(({ name, kind }) => [name, kind]));
  expect(kinds).toEqual({
    ...{ a: "type", b: "type", c: "type", d: "run", e: "run" },
    ...{ f: "lazy", g: "run", h: "macro", i: "type", j: "run" },
  });
});
