// The package's main file cannot be bundled for Node.
import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser/lib/esm/main.js";
import { succeeds } from "./attempt.ts";

// Kinds of tokens, which the package exports as a const enum only.
const COMMA = 5;
const LINE_COMMENT = 12;
const BLOCK_COMMENT = 13;
const LINE_BREAK = 14;
const BLANKS = 15;
const END = 17;

export type { Node };

/** Edits a JSON file with comments in places. Every other byte stays, the byte order mark and the line ends too. */
export class JsonText {
  readonly #file: string;
  readonly #mark: string;
  readonly #eol: string;
  readonly #unit: string;
  #text: string;
  /** The outermost object. A change makes all former nodes invalid. */
  root: Node;

  /** An empty text is an empty object. @throws Error with the place when the text is not a JSON object. */
  constructor(text: string, file: string) {
    this.#file = file;
    this.#mark = text.startsWith("\ufeff") ? "\ufeff" : "";
    const bare = text.slice(this.#mark.length);
    this.#eol = bare.includes("\r\n") ? "\r\n" : "\n";
    this.#unit = /^[ \t]*[{[][^\n]*\n([ \t]+)/.exec(bare)?.[1] ?? "  ";
    this.#text = bare.trim() === "" ? `{}${this.#eol}` : bare;
    this.root = this.#parse();
    this.expect(this.root, "object", "");
  }

  toString(): string {
    return this.#mark + this.#text;
  }

  /** True if a plain JSON parser reads the text too. */
  get plain(): boolean {
    return succeeds(() => JSON.parse(this.#text));
  }

  /** @throws Error with the place when a node has another type. */
  expect(node: Node, type: "object" | "array", name: string): void {
    if (node.type === type) return;
    const what = name === "" ? "it" : `"${name}"`;
    throw new Error(
      `${this.#file}, ${this.#place(node.offset)}: ${what} is ${a(node.type)} where ${a(type)} is expected. Fix it first.`,
    );
  }

  /** Adds a value at the end of an array or, with a key, of an object. */
  insert(into: Node, value: unknown, key?: string): void {
    const lead = key === undefined ? "" : `${JSON.stringify(key)}: `;
    const [first, last] = [into.children?.[0], into.children?.at(-1)];
    if (first === undefined || last === undefined) {
      const outer = this.#indentAt(into.offset);
      const inner = outer + this.#unit;
      const start = into.offset + 1;
      const blank = /^\s*/.exec(this.#text.slice(start))?.[0].length ?? 0;
      const nothing = start + blank === into.offset + into.length - 1;
      const added = `${this.#eol}${inner}${lead}${this.#pretty(value, inner)}`;
      this.#edit([start, nothing ? blank : 0, nothing ? `${added}${this.#eol}${outer}` : added]);
      return;
    }
    const { comma, end, endsLine } = this.#tail(last);
    const onLines = endsLine || this.#text.slice(into.offset, first.offset).includes("\n");
    const indent = this.#indentAt(last.offset);
    const added = onLines
      ? `${this.#eol}${indent}${lead}${this.#pretty(value, indent)}`
      : ` ${lead}${inline(value)}`;
    // A file with a trailing comma keeps that style.
    if (comma === undefined) this.#edit([end, 0, added], [endOf(last), 0, ","]);
    else this.#edit([end, 0, `${added},`]);
  }

  /** True if a node stands alone in its array or object, without a comment beside it. */
  isAlone(node: Node): boolean {
    const { offset = 0, length = 0, children } = node.parent ?? {};
    const beside =
      this.#text.slice(offset + 1, node.offset) + this.#text.slice(endOf(node), offset + length - 1);
    return children?.length === 1 && /^\s*,?\s*$/.test(beside);
  }

  replace(node: Node, value: unknown): void {
    this.#edit([node.offset, node.length, JSON.stringify(value)]);
  }

  /** Removes an item of an array or a property of an object. */
  remove(node: Node): void {
    const siblings = node.parent?.children ?? [];
    const before = siblings[siblings.indexOf(node) - 1];
    const { comma } = this.#tail(node);
    const [gone = "", blank = ""] = /(?:\r?\n)?([ \t]*)$/.exec(this.#text.slice(0, node.offset)) ?? [];
    // A line comment in front must not swallow what stands behind the node.
    const lead = /^[ \t]*(\r?\n|$)/.test(this.#text.slice((comma ?? endOf(node) - 1) + 1)) ? gone : blank;
    const whole: Edit = [node.offset - lead.length, lead.length + node.length, ""];
    const between = before && this.#tail(before).comma;
    if (comma !== undefined && (before !== undefined || lead.includes("\n")))
      this.#edit(whole, [comma, 1, ""]);
    else if (comma !== undefined)
      this.#edit([node.offset, node.length, ""], [comma, 1 + this.#blankAfter(comma + 1), ""]);
    else if (between !== undefined) this.#edit([between, 1, ""], whole);
    else this.#edit([whole[0], whole[1] + this.#blankAfter(endOf(node), /^\s*(?=[}\]])/), ""]);
  }

  #blankAfter(offset: number, blank = /^[ \t]*/): number {
    return blank.exec(this.#text.slice(offset))?.[0].length ?? 0;
  }

  /** The comma after a node, and the end of the comments beside it, which belong to the node. */
  #tail(node: Node): { comma: number | undefined; end: number; endsLine: boolean } {
    const scanner = createScanner(this.#text);
    scanner.setPosition(endOf(node));
    let [comma, end]: [number | undefined, number] = [undefined, endOf(node)];
    let [beside, endsLine] = [true, false];
    for (let kind: number = scanner.scan(); kind !== END; kind = scanner.scan()) {
      const comment = kind === LINE_COMMENT || kind === BLOCK_COMMENT;
      if (kind === LINE_BREAK) beside = false;
      else if (kind === COMMA && comma === undefined) [comma, beside] = [scanner.getTokenOffset(), true];
      else if (!comment && kind !== BLANKS) break;
      if (!beside || !(comment || kind === COMMA)) continue;
      end = scanner.getTokenOffset() + scanner.getTokenLength();
      endsLine = kind === LINE_COMMENT;
    }
    return { comma, end, endsLine };
  }

  #edit(...edits: Edit[]): void {
    for (const [offset, length, content] of edits.sort(([one], [other]) => other - one))
      this.#text = this.#text.slice(0, offset) + content + this.#text.slice(offset + length);
    this.root = this.#parse();
  }

  #parse(): Node {
    const errors: ParseError[] = [];
    const root = parseTree(this.#text, errors, { allowTrailingComma: true });
    const [error] = errors;
    if (root !== undefined && error === undefined) return root;
    const what =
      error === undefined
        ? "no value"
        : printParseErrorCode(error.error).replace(/\B[A-Z]/g, (x) => ` ${x.toLowerCase()}`);
    throw new Error(
      `${this.#file} is not JSON: ${what} at ${this.#place(error?.offset ?? 0)}. Fix it first.`,
    );
  }

  #place(offset: number): string {
    const lines = this.#text.slice(0, offset).split("\n");
    return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
  }

  #indentAt(offset: number): string {
    const line = this.#text.slice(this.#text.lastIndexOf("\n", offset - 1) + 1);
    return /^[ \t]*/.exec(line)?.[0] ?? "";
  }

  #pretty(value: unknown, indent: string): string {
    return JSON.stringify(value, null, this.#unit).replaceAll("\n", this.#eol + indent);
  }
}

type Edit = [offset: number, length: number, content: string];

function endOf({ offset, length }: Node): number {
  return offset + length;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const properties = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${inline(one)}`);
  return `{ ${properties.join(", ")} }`;
}

function a(type: string): string {
  return type === "null" ? "null" : `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

/** The value of a key. Of several equal keys the last one counts. */
export function propertyOf(object: Node, key: string): Node | undefined {
  return object.children?.findLast(({ children }) => children?.[0]?.value === key)?.children?.[1];
}
