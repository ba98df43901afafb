// Draws what terminals showed over time as one animated SVG, without a script in it.
import { INK, linesOf, PAPER, type Run } from "./screen.ts";

/** What the terminals showed from a moment on, ms. */
export interface Frame {
  at: number;
  /** One for each pane. */
  screens: readonly string[];
}

export interface Pane {
  title: string;
  /** Who sits in front of it. */
  note: string;
}

export interface Film {
  panes: readonly Pane[];
  columns: number;
  rows: number;
  title: string;
  frames: readonly Frame[];
}

/** From and to, ms. */
type Span = readonly [from: number, to: number];

const FONT = 14;
const CHARACTER = 8.43;
const LINE = 19;
const BAR = 34;
const MARGIN = 14;
const GAP = 12;

/** A wait of the clients is not shown longer. */
const LONGEST_MS = 1_200;
/** The last picture comes first for so long: it is what a viewer shows that does not animate. */
const POSTER_MS = 1_000;
const LAST_MS = 4_500;

/** The film as SVG. Without animation it shows the last picture. */
export function filmOf(film: Film): string {
  const frames = hurried(film.frames);
  const end = POSTER_MS + (frames.at(-1)?.at ?? 0) + LAST_MS;
  const styles = new Styles(end);
  const { width, height } = sizeOf(film);
  const panes = film.panes.map((pane, i) => {
    const left = (i * (width + GAP)) / 2;
    return `<g transform="translate(${left} 0)">${paneOf(film, pane, frames, i, styles)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" fill="${INK}" role="img">`,
    `<title>${Bun.escapeHTML(film.title)}</title>`,
    `<style>\n${styles.sheet()}</style>`,
    ...panes,
    "</svg>\n",
  ].join("\n");
}

function sizeOf({ columns, rows, panes }: Film): { width: number; height: number } {
  const one = paneWidth(columns);
  return { width: one * panes.length + GAP * (panes.length - 1), height: BAR + rows * LINE + 2 * MARGIN };
}

function paneWidth(columns: number): number {
  return Math.ceil(columns * CHARACTER + 2 * MARGIN);
}

/** The same frames with the long waits between them cut. */
function hurried(frames: readonly Frame[]): Frame[] {
  let cut = frames[0]?.at ?? 0;
  let before = cut;
  return frames.map(({ at, screens }) => {
    cut += Math.max(0, at - before - LONGEST_MS);
    before = at;
    return { at: at - cut, screens };
  });
}

function paneOf(film: Film, pane: Pane, frames: readonly Frame[], which: number, styles: Styles): string {
  const [width, height] = [paneWidth(film.columns), sizeOf(film).height];
  const middle = BAR / 2 + 5;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (color, i) => `<circle cx="${18 + i * 17}" cy="${BAR / 2}" r="5" fill="${color}"/>`,
  );
  return [
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="${PAPER}" stroke="#3d444d"/>`,
    `<path d="M1 ${BAR}.5h${width - 2}" stroke="#3d444d"/>`,
    ...dots,
    `<text x="78" y="${middle}" fill="#f0f6fc" font-weight="bold">${Bun.escapeHTML(pane.title)}</text>`,
    `<text x="${width - MARGIN}" y="${middle}" fill="#8b949e" text-anchor="end">${Bun.escapeHTML(pane.note)}</text>`,
    ...rowsOf(frames, which).map(({ line, row, spans }) => {
      const look = styles.shownDuring(spans, frames.at(-1)?.at ?? 0);
      return `<g${look}>${drawn(line, BAR + MARGIN + row * LINE)}</g>`;
    }),
  ].join("\n");
}

interface Row {
  row: number;
  line: readonly Run[];
  spans: Span[];
}

/** Each different text of each row, with the times at which it stood there. */
function rowsOf(frames: readonly Frame[], which: number): Row[] {
  const rows = new Map<string, Row>();
  const end = (frames.at(-1)?.at ?? 0) + 1;
  for (const [i, { at, screens }] of frames.entries()) {
    const until = frames[i + 1]?.at ?? end;
    for (const [row, line] of linesOf(screens[which] ?? "").entries()) {
      if (line.every(({ text, background }) => text.trim() === "" && background === undefined)) continue;
      const key = `${row} ${JSON.stringify(line)}`;
      const known = rows.get(key) ?? { row, line, spans: [] };
      rows.set(key, known);
      const last = known.spans.at(-1);
      if (last?.[1] === at) known.spans[known.spans.length - 1] = [last[0], until];
      else known.spans.push([at, until]);
    }
  }
  return [...rows.values()].sort((a, b) => a.row - b.row);
}

/** The keyframes that show and hide rows; rows of the same times share theirs. */
class Styles {
  readonly #end: number;
  readonly #names = new Map<string, string>();

  constructor(end: number) {
    this.#end = end;
  }

  /** The attributes of what is shown then; what stands in the last picture is shown at the beginning too. */
  shownDuring(spans: readonly Span[], last: number): string {
    const stays = (spans.at(-1)?.[1] ?? 0) > last;
    const shown = spans.map(([from, to]): Span => [from + POSTER_MS, to + POSTER_MS]);
    const whole = stays ? [[0, POSTER_MS] as const, ...shown.slice(0, -1), opened(shown)] : shown;
    const frames = this.#keyframes(whole);
    const name = this.#names.get(frames) ?? `s${this.#names.size}`;
    this.#names.set(frames, name);
    return ` class="${name}"${stays ? "" : ' visibility="hidden"'}`;
  }

  #keyframes(spans: readonly Span[]): string {
    const joined: [number, number][] = [];
    for (const [from, to] of spans) {
      const before = joined.at(-1);
      if (before?.[1] === from) before[1] = to;
      else joined.push([from, to]);
    }
    const percent = (ms: number) => `${Number(((ms / this.#end) * 100).toFixed(3))}%`;
    const stops = joined.flatMap(([from, to]) => [
      `${percent(from)}{visibility:visible}`,
      ...(to < this.#end ? [`${percent(to)}{visibility:hidden}`] : []),
    ]);
    return `${joined[0]?.[0] === 0 ? "" : "0%{visibility:hidden}"}${stops.join("")}`;
  }

  sheet(): string {
    const keyframes = [...this.#names].map(
      ([frames, name]) => `@keyframes ${name}{${frames}}.${name}{animation-name:${name}}`,
    );
    const seconds = (this.#end / 1000).toFixed(2);
    return [
      `text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;font-size:${FONT}px}`,
      `g[class]{animation-duration:${seconds}s;animation-timing-function:step-end;animation-iteration-count:infinite}`,
      ...keyframes,
      "@media (prefers-reduced-motion:reduce){g[class]{animation:none}}",
      "",
    ].join("\n");
  }
}

/** The last span, without an end. */
function opened(spans: readonly Span[]): Span {
  return [spans.at(-1)?.[0] ?? 0, Number.POSITIVE_INFINITY];
}

const QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█";
/** Characters that many fonts lack, as paths in a cell. */
const LACKING: Readonly<Record<string, string>> = { "⎿": "M4.5 0v10h4", "⏸": "M3 5v9m3.5-9v9" };
const GROUPS = /─+|[▘▝▀▖▌▞▛▗▚▐▜▄▙▟█]+|[⎿⏸]|[^\s─▘▝▀▖▌▞▛▗▚▐▜▄▙▟█⎿⏸]+(?: [^\s─▘▝▀▖▌▞▛▗▚▐▜▄▙▟█⎿⏸]+)*/g;

/** One line of a terminal, from `top` on. */
function drawn(line: readonly Run[], top: number): string {
  return line
    .map((run) => {
      const width = Bun.stringWidth(run.text) * CHARACTER;
      const filled = run.background
        ? `<rect x="${xOf(run.column)}" y="${top}" width="${short(width)}" height="${LINE}" fill="${run.background}"/>`
        : "";
      return filled + wordsOf(run, top);
    })
    .join("");
}

// Each group of words has its own place and width, because fonts differ in theirs.
function wordsOf(run: Run, top: number): string {
  return [...run.text.matchAll(GROUPS)]
    .map(({ 0: words, index }) => {
      const column = run.column + Bun.stringWidth(run.text.slice(0, index));
      if (words.startsWith("─")) return ruleOf(run, column, words.length, top);
      if (QUARTERS.includes(words.charAt(0))) return blocksOf(run, column, words, top);
      const path = LACKING[words];
      if (path !== undefined) return signOf(run, column, path, top);
      return textOf(run, column, words, top);
    })
    .join("");
}

function textOf({ color, bold, dim, italic }: Run, column: number, words: string, top: number): string {
  const look = [
    color && ` fill="${color}"`,
    bold && ' font-weight="bold"',
    dim && ' opacity=".6"',
    italic && ' font-style="italic"',
  ].filter(Boolean);
  const columns = Bun.stringWidth(words);
  const width =
    columns > 1 ? ` textLength="${short(columns * CHARACTER)}" lengthAdjust="spacingAndGlyphs"` : "";
  return `<text x="${xOf(column)}" y="${top + LINE - 5}"${width}${look.join("")}>${Bun.escapeHTML(words)}</text>`;
}

function ruleOf({ color = INK, dim }: Run, column: number, columns: number, top: number): string {
  const path = `M${xOf(column)} ${top + LINE / 2}h${short(columns * CHARACTER)}`;
  return `<path d="${path}" stroke="${color}"${dim ? ' opacity=".6"' : ""}/>`;
}

function signOf({ color = INK, dim }: Run, column: number, path: string, top: number): string {
  const look = `fill="none" stroke="${color}" stroke-width="1.4"${dim ? ' opacity=".6"' : ""}`;
  return `<path transform="translate(${xOf(column)} ${top})" d="${path}" ${look}/>`;
}

/** Block characters as squares: fonts leave gaps between them. */
function blocksOf({ color = INK }: Run, column: number, blocks: string, top: number): string {
  const squares = [...blocks].flatMap((block, i) =>
    [0, 1, 2, 3]
      .filter((quarter) => QUARTERS.indexOf(block) & (1 << quarter))
      .map((quarter) => {
        const x = MARGIN + (column + i + (quarter % 2) / 2) * CHARACTER;
        const y = top + (quarter < 2 ? 0 : LINE / 2);
        return `M${short(x)} ${y}h${short(CHARACTER / 2)}v${LINE / 2}h-${short(CHARACTER / 2)}z`;
      }),
  );
  return `<path d="${squares.join("")}" fill="${color}"/>`;
}

const xOf = (column: number) => short(MARGIN + column * CHARACTER);
const short = (value: number) => String(Number(value.toFixed(1)));
