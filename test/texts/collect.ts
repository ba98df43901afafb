// Collects every text that users and agents read: literals of the sources, and sentences of the pages.
import {
  isBinaryExpression,
  isExportDeclaration,
  isImportDeclaration,
  isLiteralTypeNode,
  isNoSubstitutionTemplateLiteral,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isStringLiteral,
  isTemplateExpression,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import { mapTrees, type Texts } from "../../build/sources.ts";

export interface Said {
  path: string;
  line: number;
  /** With `…` for each value that is put in. */
  text: string;
  /** Belongs to the declaration of a command, or to a command's own file. */
  ofCommand: boolean;
}

/** Every literal of the sources that has words. */
export async function textsOf(sources: Texts): Promise<Said[]> {
  const found = await mapTrees(sources, (path, text, tree) => {
    const said: Said[] = [];
    const place = { tree, path, ofCommand: COMMAND_ROOMS.test(path), joined: false };
    visit(tree, place, (node, words, ofCommand) =>
      said.push({ path, line: lineOf(text, node.getStart(tree)), text: words, ofCommand }),
    );
    return said;
  });
  return found.flat();
}

type Say = (node: Node, text: string, ofCommand: boolean) => void;

const COMMAND_ROOMS = /^(cli|install|admin)\//;
const COMMAND_FIELDS = ["command", "commands", "about"];

interface Place {
  tree: SourceFile;
  path: string;
  ofCommand: boolean;
  /** Joined to its neighbours by "+", and said with them. */
  joined: boolean;
}

function visit(node: Node, { tree, path, ...place }: Place, say: Say): void {
  if (isImportDeclaration(node) || isExportDeclaration(node) || isLiteralTypeNode(node)) return;
  const field = isPropertyAssignment(node) ? node.name.getText(tree) : "";
  const ofCommand = place.ofCommand || COMMAND_FIELDS.includes(field);
  const text = isSplit(node.parent) ? undefined : wordsIn(node);
  if (text !== undefined && !place.joined && isProse(text)) say(node, text, ofCommand);
  const joined = text !== undefined && isBinaryExpression(node);
  node.forEachChild((child) => visit(child, { tree, path, ofCommand, joined }, say));
}

/** A list of words that is written as one text. */
function isSplit(node: Node | undefined): boolean {
  return node !== undefined && isPropertyAccessExpression(node) && node.name.text === "split";
}

/** The text of a literal, of a template, or of several that are joined by "+". */
function wordsIn(node: Node): string | undefined {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join("");
  if (!isBinaryExpression(node) || node.operatorToken.kind !== SyntaxKind.PlusToken) return undefined;
  const [left, right] = [wordsIn(node.left), wordsIn(node.right)];
  return left === undefined && right === undefined ? undefined : `${left ?? "…"}${right ?? "…"}`;
}

const SQL =
  /\b(SELECT|iif|AND \w+ =|INSERT (?:OR \w+ )?INTO|UPDATE \w+ SET|WHERE|ORDER BY|UNION ALL|VACUUM|TEXT NOT NULL|PRAGMA)\b/;

/** Two words beside each other that are not SQL. */
function isProse(text: string): boolean {
  return /[A-Za-z][a-z']*[,.:;)"…]* \(?["`…]?[A-Za-z]/.test(text) && !SQL.test(text) && !isList(text);
}

/** Many words without one that joins them. */
function isList(text: string): boolean {
  return text.split(" ").length > 10 && !/\b(a|an|the|is|are|to|of|and|or|in|with|for)\b/.test(text);
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

/** The paragraphs, list items and table cells of a Markdown page. Code and headings are left out. */
export function partsOfPage(path: string, page: string): Said[] {
  const text = page.replace(/^```[\s\S]*?^```|^#.*/gm, (code) => code.replace(/[^\n]/g, ""));
  const paragraphs = text.matchAll(/(?:^(?!\s*$).*\n?)+/gm);
  return Array.from(paragraphs).flatMap(({ 0: paragraph, index }) =>
    paragraph
      .split(/\n(?=\s*(?:[-*#|>]|\d+\.) ?)|(?<=\|) (?=[^|\n]*\|)/)
      .map((part) =>
        part
          .replace(/^\s*(?:[-*#>|]+|\d+\.)\s*|\|\s*$/g, "")
          .replace(/\s+/g, " ")
          .trim(),
      )
      .filter(isProse)
      .map((part) => ({ path, line: lineOf(text, index), text: part, ofCommand: false })),
  );
}

/** A full stop ends a sentence if a capital, a value or a name in quotes follows. */
export function sentencesOf(text: string): string[] {
  return text
    .split(/(?<=[.!?]["”)*`]*)\s+(?=[A-Z`"“@…*([])|\n+/)
    .map((sentence) => sentence.trim())
    .filter(Boolean);
}
