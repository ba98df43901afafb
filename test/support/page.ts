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
  const blocks: Block[] = [];
  let section = "";
  let intro = "";
  // What stands between the fences of blocks, and then in them.
  for (const [i, piece] of readFileSync(join(root, page), "utf8").split(/^```/m).entries()) {
    if (i % 2 === 0) {
      section = [...piece.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? section;
      intro =
        piece
          .trim()
          .split(/\n\s*\n/)
          .at(-1) ?? "";
    } else if (piece.startsWith("sh\n"))
      blocks.push({ section, intro: intro.replaceAll("\n", " "), commands: commandsIn(piece.slice(3)) });
  }
  return blocks;
}

function commandsIn(block: string): string[] {
  return block.split(/(?<!\\)\n/).filter((command) => !/^\s*(#|$)/.test(command));
}
