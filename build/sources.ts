// Reads imports, functions and comments of the sources with TypeScript's own parser.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  isCallExpression,
  isExportDeclaration,
  isFunctionLikeDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNamedImports,
  isNoSubstitutionTemplateLiteral,
  isRegularExpressionLiteral,
  isStringLiteral,
  isTemplateHead,
  isTemplateMiddle,
  isTemplateTail,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";
import { createVirtualFileSystem } from "typescript/unstable/fs";

/** Text of each file, by its path below `src`. */
export type Texts = Readonly<Record<string, string>>;

/** `run`: loaded with the file. `lazy`: by `import()`. `type`: gone when the file runs. `macro`: run by the build. */
export type ImportKind = "run" | "lazy" | "type" | "macro";

export interface Import {
  /** The name as written: `./open.ts`, `node:fs`, `zod`. */
  name: string;
  /** The path below `src` of a file of ours. `../package.json` lies beside it. Undefined for packages and builtins. */
  file: string | undefined;
  kind: ImportKind;
}

export interface Source {
  path: string;
  text: string;
  lines: number;
  imports: readonly Import[];
  functions: readonly { name: string; line: number; lines: number }[];
  /** Neighbouring line comments are one comment. */
  comments: readonly { line: number; text: string }[];
  identifiers: ReadonlySet<string>;
}

/** Reads every TypeScript file below a folder. */
export function readTexts(folder: string): Texts {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    /\.tsx?$/.test(path),
  );
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

const CONFIG = JSON.stringify({
  compilerOptions: {
    noLib: true,
    noResolve: true,
    types: [],
    allowImportingTsExtensions: true,
    noEmit: true,
    jsx: "preserve",
  },
  include: ["src"],
});

export function parse(texts: Texts): Promise<Source[]> {
  return mapTrees(texts, describe);
}

/** Calls `describe` with the syntax tree of each file. */
export async function mapTrees<T>(
  texts: Texts,
  describe: (path: string, text: string, tree: SourceFile) => T,
): Promise<T[]> {
  const files = Object.entries(texts).map(([path, text]) => [`/house/src/${path}`, text]);
  const fs = createVirtualFileSystem({ "/house/tsconfig.json": CONFIG, ...Object.fromEntries(files) });
  const api = new API({ cwd: "/house", fs });
  try {
    const snapshot = await api.updateSnapshot({ openProject: "/house/tsconfig.json" });
    const program = snapshot.getProject("/house/tsconfig.json")?.program;
    const read = async ([path, text]: [string, string]) => {
      const tree = await program?.getSourceFile(`/house/src/${path}`);
      if (tree === undefined) throw new Error(`${path} was not parsed`);
      return describe(path, text, tree);
    };
    return await Promise.all(Object.entries(texts).map(read));
  } finally {
    await api.close();
  }
}

function describe(path: string, text: string, tree: SourceFile): Source {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  const lineOf = (at: number) => starts.findLastIndex((start) => start <= at) + 1;
  const imports: Import[] = [];
  const functions: Source["functions"][number][] = [];
  const identifiers = new Set<string>();
  const code = text.split("");
  const visit = (node: Node): void => {
    const found = importIn(node);
    if (found !== undefined) imports.push({ ...found, file: fileOf(path, found.name) });
    if (isFunctionLikeDeclaration(node) && node.body !== undefined) {
      const line = lineOf(node.getStart(tree));
      functions.push({ name: nameOf(node), line, lines: lineOf(node.end) - line + 1 });
    }
    // A `//` inside a literal starts no comment.
    if (isLiteral(node)) code.fill("_", node.getStart(tree), node.end);
    if (isIdentifier(node)) identifiers.add(node.text);
    node.forEachChild(visit);
  };
  visit(tree);
  const found = code.join("").matchAll(/\/\*[\s\S]*?\*\/|\/\/.*(?:\n[ \t]*\/\/.*)*/g);
  const comments = Array.from(found, ({ 0: comment, index }) => ({
    line: lineOf(index),
    text: plain(text.slice(index, index + comment.length)),
  }));
  const lines = starts.length - (text.endsWith("\n") ? 1 : 0);
  return { path, text, lines, imports, functions, comments, identifiers };
}

/** The words of a comment, on one line. */
function plain(comment: string): string {
  return comment
    .replace(/^\/\*\*?|\*\/$/g, "")
    .replace(/^[ \t]*(?:\*|\/\/)/gm, "")
    .replace(/\s+/g, " ")
    .trim();
}

function importIn(node: Node): Pick<Import, "name" | "kind"> | undefined {
  if (isImportDeclaration(node) && isStringLiteral(node.moduleSpecifier)) {
    const attributes = node.attributes?.attributes ?? [];
    const macro = attributes.some(({ value }) => isStringLiteral(value) && value.text === "macro");
    const clause = node.importClause;
    const named = clause?.namedBindings;
    const types =
      clause?.phaseModifier === SyntaxKind.TypeKeyword ||
      (clause?.name === undefined &&
        named !== undefined &&
        isNamedImports(named) &&
        named.elements.every(({ isTypeOnly }) => isTypeOnly));
    return { name: node.moduleSpecifier.text, kind: macro ? "macro" : types ? "type" : "run" };
  }
  if (isExportDeclaration(node) && node.moduleSpecifier && isStringLiteral(node.moduleSpecifier))
    return { name: node.moduleSpecifier.text, kind: node.isTypeOnly ? "type" : "run" };
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    const name = node.arguments[0];
    if (name !== undefined && isStringLiteral(name)) return { name: name.text, kind: "lazy" };
  }
  if (isImportTypeNode(node) && isLiteralTypeNode(node.argument) && isStringLiteral(node.argument.literal))
    return { name: node.argument.literal.text, kind: "type" };
  return undefined;
}

function fileOf(from: string, name: string): string | undefined {
  return name.startsWith(".") ? join(from, "..", name) : undefined;
}

function nameOf(node: Node): string {
  const { name } = node as { name?: Node };
  const own = name ?? (node.parent as { name?: Node } | undefined)?.name;
  return own !== undefined && isIdentifier(own) ? own.text : "(unnamed)";
}

const isLiteral = (node: Node) =>
  isStringLiteral(node) ||
  isNoSubstitutionTemplateLiteral(node) ||
  isRegularExpressionLiteral(node) ||
  isTemplateHead(node) ||
  isTemplateMiddle(node) ||
  isTemplateTail(node);
