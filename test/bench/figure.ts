/** What is asked of a figure. `ratio`: ours to the floor; `more`: ours beyond the floor; `ours`: ours alone. */
export type Target =
  | { of: "ratio" | "more" | "ours"; most: number }
  | { of: "ratio" | "ours"; least: number }
  | undefined;

export type Unit = "µs" | "ms" | "/s" | "MB" | "% of a core";

/** One line of the table. */
export interface Figure {
  what: string;
  unit: Unit;
  ours: number;
  /** Undefined when there is none: the target is absolute. */
  floor: number | undefined;
  /** What the floor is, in a few words. */
  floorIs: string;
  target: Target;
  /** What a reader has to know to judge it, like a sample that is shorter than asked for. */
  note?: string;
}

export type Verdict = "met" | "missed" | "no target";

export function ratioOf({ ours, floor }: Figure): number | undefined {
  return floor === undefined ? undefined : ours / floor;
}

/** A figure that is not a number misses its target. */
export function verdictOf(figure: Figure): Verdict {
  const { target, ours, floor } = figure;
  if (target === undefined) return "no target";
  const value =
    target.of === "ours" ? ours : target.of === "more" ? ours - (floor ?? Number.NaN) : ratioOf(figure);
  if (value === undefined || Number.isNaN(value)) return "missed";
  return ("least" in target ? value >= target.least : value <= target.most) ? "met" : "missed";
}

export function targetText({ target, unit }: Figure): string {
  if (target === undefined) return "–";
  if ("least" in target) return `≥ ${target.least} ${target.of === "ratio" ? "×" : unit}`;
  if (target.of === "ratio") return `≤ ${target.most} ×`;
  return target.of === "more" ? `+ ≤ ${target.most} ${unit}` : `≤ ${target.most} ${unit}`;
}

/** Three digits that matter, no exponent: `0.0412`, `4.12`, `41.2`, `41234`. */
export function digits(value: number): string {
  if (Number.isNaN(value)) return "?";
  if (value === 0) return "0";
  const after = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(after, 4));
}

export const HEAD = ["what", "ours", "floor", "ratio", "target", "verdict"] as const;

/** The cells of one line, under HEAD. */
export function cellsOf(figure: Figure): string[] {
  const { what, ours, floor, unit, floorIs, note } = figure;
  const ratio = ratioOf(figure);
  return [
    note === undefined ? what : `${what} (${note})`,
    `${digits(ours)} ${unit}`,
    floor === undefined ? "–" : `${digits(floor)} ${unit} (${floorIs})`,
    ratio === undefined ? "–" : digits(ratio),
    targetText(figure),
    verdictOf(figure),
  ];
}

/** The table for a terminal: columns aligned, two spaces between them. */
export function plainTable(figures: readonly Figure[]): string {
  const rows = [[...HEAD], ...figures.map(cellsOf)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The same in Markdown. */
export function markdownTable(figures: readonly Figure[]): string {
  return tableOf(HEAD, figures.map(cellsOf));
}

/** A table in Markdown. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The same for programs: every figure with its ratio and verdict. */
export function jsonOf(figures: readonly Figure[]): (Figure & { ratio: number | null; verdict: Verdict })[] {
  return figures.map((figure) => ({
    ...figure,
    ratio: ratioOf(figure) ?? null,
    verdict: verdictOf(figure),
  }));
}
