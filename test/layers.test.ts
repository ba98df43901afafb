import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const src = resolve(import.meta.dir, "../src");
const PACKAGE = "package.json";
/** A room of its own: commands and hooks load it, and nothing else of the runtime. */
const SMALL_FILES = "runtime/file.ts, connect.ts, stdio.ts";
const SMALL = ["runtime/file.ts", "runtime/connect.ts", "runtime/stdio.ts"];

/** What every room but the runtime may load. */
const GROUND = ["lib", "runtime", SMALL_FILES];

/** Who may load whom at run time. A room is a folder of src, or a file in it; anything else is an npm package. */
const MAY_LOAD: Readonly<Record<string, (loaded: string) => boolean>> = {
  "main.ts": only("cli", "serve", "hooks"),
  "files.d.ts": only(),
  lib: only("lib", SMALL_FILES),
  domain: only("domain", "lib"),
  operations: only("operations", "domain", "lib", "zod", "http", "@modelcontextprotocol/sdk"),
  tokens: only("tokens", "domain", "sqlite", ...GROUND),
  config: only("config", "domain", PACKAGE, ...GROUND),
  sqlite: only("sqlite", "domain", ...GROUND),
  http: atTheEdge("http"),
  webhooks: atTheEdge("webhooks"),
  desktop: atTheEdge("desktop"),
  rpc: only("rpc", "operations", "config", ...GROUND),
  admin: only("admin", "operations", "domain", "sqlite", "tokens", "config", ...GROUND),
  install: only(
    "install",
    "rpc",
    "admin",
    "tokens",
    "hooks",
    "operations",
    "domain",
    "sqlite",
    "config",
    ...GROUND,
    "launchd",
    "systemd",
    "jsonc-parser",
  ),
  cli: only("cli", "operations", "rpc", "install", "admin", "domain", "config", ...GROUND, "cac"),
  hooks: only("hooks", "rpc", "domain", "config", ...GROUND),
  serve: (loaded) => !["cli", "hooks", "main.ts"].includes(loaded),
  [SMALL_FILES]: only(),
  runtime: (loaded) => loaded === "runtime" || isPackage(loaded),
};

function atTheEdge(room: string): (loaded: string) => boolean {
  const allowed = [room, "operations", "domain", "tokens", "sqlite", "config", ...GROUND];
  return (loaded) => allowed.includes(loaded) || isPackage(loaded);
}

function only(...allowed: string[]): (loaded: string) => boolean {
  return (loaded) => allowed.includes(loaded);
}

function isPackage(room: string): boolean {
  return !(room in MAY_LOAD) && room !== PACKAGE;
}

interface Import {
  room: string;
  /** The file of ours that is loaded; undefined for a package. */
  file: string | undefined;
  lazy: boolean;
}

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** What a file loads when it runs: imports of types and of macros, which run when it is built, are none. Builtins are left out. */
function importsOf(file: string): Import[] {
  // Bun's scanner reads no `#!` line.
  const code = readFileSync(file, "utf8").replace(/^#!.*|^import .* with \{ type: "macro" \};$/gm, "");
  return transpiler.scanImports(code).flatMap(({ path, kind }): Import[] => {
    const lazy = kind === "dynamic-import";
    if (path.startsWith(".")) {
      const target = resolve(dirname(file), path);
      return [{ room: roomOf(target), file: target, lazy }];
    }
    if (path.startsWith("node:") || path.startsWith("bun:") || path === "bun") return [];
    return [{ room: packageOf(path), file: undefined, lazy }];
  });
}

function roomOf(file: string): string {
  if (SMALL.includes(relative(src, file))) return SMALL_FILES;
  const path = relative(src, file);
  // What stands beside src is named without the way to it: package.json, launchd.
  return path.replace(/^\.\.\//, "").split("/")[0] ?? path;
}

function packageOf(path: string): string {
  return path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => join(src, file));

/** Every file of ours and every package that is loaded when `entry` runs, without what it loads later. */
function reachedFrom(entry: string): { ours: Set<string>; packages: Set<string> } {
  const ours = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (ours.has(file)) return;
    ours.add(file);
    if (!file.endsWith(".ts")) return;
    for (const one of importsOf(file).filter(({ lazy }) => !lazy)) {
      if (one.file !== undefined) visit(one.file);
      else packages.add(one.room);
    }
  };
  visit(entry);
  return { ours, packages };
}

test("every room has a rule", () => {
  expect(readdirSync(src).filter((room) => !(room in MAY_LOAD))).toEqual([]);
});

test("each room loads only what it may", () => {
  const broken = files.flatMap((file) =>
    importsOf(file)
      .filter(({ room }) => !MAY_LOAD[roomOf(file)]?.(room))
      .map(
        ({ room, file: target }) => `${relative(src, file)} loads ${target ? relative(src, target) : room}`,
      ),
  );
  expect(broken).toEqual([]);
});

test("main loads the commands, the server and the hooks by import() only", () => {
  const imports = importsOf(join(src, "main.ts"));
  expect([...new Set(imports.map(({ room }) => room))].sort()).toEqual(["cli", "hooks", "serve"]);
  expect(imports.every(({ lazy }) => lazy)).toBe(true);
});

test("a command loads no package until it needs cac, and nothing of the server or the store", () => {
  const { ours, packages } = reachedFrom(join(src, "cli/cli.ts"));
  expect([...packages]).toEqual([]);
  const cac = importsOf(join(src, "cli/argv.ts")).filter(({ file }) => file === undefined);
  expect(cac).toEqual([{ room: "cac", file: undefined, lazy: true }]);
  const rooms = ["cli", "config", "domain", "lib", "operations", "rpc", PACKAGE, SMALL_FILES];
  expect([...new Set([...ours].map(roomOf))].sort()).toEqual(rooms.sort());
  const all = reachedFrom(join(src, "cli/registry.ts"));
  expect([...all.packages]).toEqual([]);
  expect([...new Set([...all.ours].map(roomOf))].sort()).toEqual(
    ["admin", "cli", "domain", "install", "lib", "operations"].sort(),
  );
});

test("a hook loads no package, no operation and nothing of the client, the server or the store", () => {
  const loaded = readdirSync(join(src, "hooks")).map((file) => reachedFrom(join(src, "hooks", file)));
  expect(loaded.length).toBeGreaterThan(8);
  expect(loaded.flatMap(({ packages }) => [...packages])).toEqual([]);
  const rooms = new Set(loaded.flatMap(({ ours }) => [...ours].map(roomOf)));
  expect([...rooms].sort()).toEqual(["config", "hooks", "lib", PACKAGE, "rpc", SMALL_FILES].sort());
});

test("the server loads no cac", () => {
  expect([...reachedFrom(join(src, "serve/serve.ts")).packages]).not.toContain("cac");
});

test("builtins are named with node: and those of Bun stand in the runtime's own files only", () => {
  for (const file of files) {
    const code = readFileSync(file, "utf8");
    for (const [, name = ""] of code.matchAll(/from "([a-z_/]+)"/g))
      expect(builtinModules).not.toContain(name);
    if (!["runtime/bun.ts", ...SMALL].includes(relative(src, file))) {
      expect(`${relative(src, file)}: ${/from "bun(:\w+)?"/.exec(code)?.[0] ?? ""}`).toEndWith(": ");
      expect(`${relative(src, file)}: ${/\bBun\.\w+\(/.exec(code)?.[0] ?? ""}`).toEndWith(": ");
    }
  }
});

test("only config reads the environment", () => {
  const readers = files.filter((file) =>
    /process\s*\.\s*env|process\[|Bun\.env|import\.meta\.env/.test(readFileSync(file, "utf8")),
  );
  expect(readers.map((file) => relative(src, file))).toEqual(["config/client.ts"]);
});

test("the scanner sees what runs and not what is only a type", () => {
  const seen = (code: string) => transpiler.scanImports(code).map(({ path }) => path);
  expect(seen('import type { A } from "a"; import { type B } from "b"; export type * from "c";')).toEqual([]);
  expect(seen('import { a } from "a"; a(); export { b } from "b"; await import("c");')).toEqual([
    "a",
    "b",
    "c",
  ]);
});
