import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bus.ts";

/** One ```sh block of a page. */
export interface Block {
  /** The heading it stands under. */
  section: string;
  /** The paragraph in front of it. */
  intro: string;
  /** Each command as it stands there, its comment too; lines that end in a backslash go on. */
  commands: readonly string[];
}

/** The ```sh blocks of a page of this repository, in their order. */
export function shellBlocks(page: string): Block[] {
  return blocksOf(page, "sh").map(({ text, ...place }) => ({ ...place, commands: commandsIn(text) }));
}

/** What the ```text block under a heading says; undefined when there is none. */
export function textUnder(page: string, heading: string): string | undefined {
  return blocksOf(page, "text").find(({ section }) => section === heading)?.text;
}

/** The text of the only block of a page in that language. */
export function onlyBlock(page: string, language: string): string {
  const [only, ...others] = blocksOf(page, language);
  if (only === undefined || others.length > 0) throw new Error(`${page} has not one ${language} block`);
  return only.text;
}

function blocksOf(page: string, language: string) {
  const blocks: { section: string; intro: string; text: string }[] = [];
  let section = "";
  let intro = "";
  const pieces = readFileSync(join(root, page), "utf8").split(/^```/m);
  // What stands between the fences of blocks, and then in them.
  for (const [i, piece] of pieces.entries()) {
    if (i % 2 === 0) {
      section = [...piece.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? section;
      intro = (
        piece
          .trim()
          .split(/\n\s*\n/)
          .at(-1) ?? ""
      ).replaceAll("\n", " ");
    } else if (piece.startsWith(`${language}\n`))
      blocks.push({ section, intro, text: piece.slice(language.length + 1) });
  }
  return blocks;
}

function commandsIn(text: string): string[] {
  return text.split(/(?<!\\)\n/).filter((command) => !/^\s*(#|$)/.test(command));
}
