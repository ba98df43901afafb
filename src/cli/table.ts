import type { Column } from "../lib/command.ts";
import { cutTo, widthOf } from "./text_width.ts";

const GAP = 2;

/**
 * The lines of a table that fit `width` columns: columns are dropped, then shortened, as they say. Everything is shown if
 * `width` is undefined.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const natural = columns.map((_, i) => Math.max(0, ...rows.map((row) => widthOf(row[i] ?? ""))));
  const least = columns.map(({ min }, i) => Math.min(natural[i] ?? 0, min ?? Number.POSITIVE_INFINITY));
  const shown = kept(columns, least, width);
  const widths = shortened(shown, natural, least, width);
  return rows.map((row) =>
    shown
      .map((i) => padded(cutTo(row[i] ?? "", widths[i] ?? 0), widths[i] ?? 0))
      .join(" ".repeat(GAP))
      .trimEnd(),
  );
}

function total(shown: readonly number[], widths: readonly number[]): number {
  return shown.reduce((sum, i) => sum + (widths[i] ?? 0) + GAP, -GAP);
}

/** Indices of the columns that have room. The one with the highest `drop` goes first. */
function kept(columns: readonly Column[], least: readonly number[], width: number): number[] {
  let shown = [...columns.keys()];
  while (total(shown, least) > width) {
    const ranks = shown.map((i) => columns[i]?.drop ?? 0);
    const highest = Math.max(...ranks);
    if (highest === 0) break;
    shown = shown.filter((i) => columns[i]?.drop !== highest);
  }
  return shown;
}

/** The widths of the columns, where the widest one that may be shortened gives way first. */
function shortened(
  shown: readonly number[],
  natural: readonly number[],
  least: readonly number[],
  width: number,
): number[] {
  const widths = [...natural];
  while (total(shown, widths) > width) {
    const spare = shown.filter((i) => (widths[i] ?? 0) > (least[i] ?? 0));
    const widest = spare.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}
