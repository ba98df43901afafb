// Reads the text of a terminal, with its escape sequences, as tmux captures it.

/** Characters of one line that look the same. */
export interface Run {
  text: string;
  column: number;
  /** A colour of CSS. Undefined for the terminal's own. */
  color: string | undefined;
  background: string | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
}

interface Look {
  fg: string | undefined;
  bg: string | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  inverse: boolean;
}

export const INK = "#d6deeb";
export const PAPER = "#0d1117";

const PLAIN: Look = { fg: undefined, bg: undefined, bold: false, dim: false, italic: false, inverse: false };
const SGR = new RegExp(`${String.fromCharCode(27)}\\[([\\d;:]*)m`, "g");

/** Each line of a screen as its runs. A look goes on from one line to the next, as in the capture. */
export function linesOf(screen: string): Run[][] {
  const state = { ...PLAIN };
  return screen.split("\n").map((line) => {
    const runs: Run[] = [];
    let column = 0;
    const add = (text: string) => {
      if (text !== "") runs.push(runOf(text, column, state));
      column += Bun.stringWidth(text);
    };
    let end = 0;
    for (const { 0: sequence, 1: codes = "", index } of line.matchAll(SGR)) {
      add(line.slice(end, index));
      end = index + sequence.length;
      apply(state, codes.split(/[;:]/).map(Number));
    }
    add(line.slice(end));
    return runs;
  });
}

function runOf(text: string, column: number, { fg, bg, bold, dim, italic, inverse }: Look): Run {
  const [color, background] = inverse ? [bg ?? PAPER, fg ?? INK] : [fg, bg];
  return { text, column, color, background, bold, dim, italic };
}

/** Applies the numbers of one SGR sequence. */
function apply(look: Look, codes: number[]): void {
  while (codes.length > 0) {
    const code = codes.shift() ?? 0;
    if (code === 0) Object.assign(look, PLAIN);
    else if (code === 1) look.bold = true;
    else if (code === 2) look.dim = true;
    else if (code === 3) look.italic = true;
    else if (code === 7) look.inverse = true;
    else if (code === 22) Object.assign(look, { bold: false, dim: false });
    else if (code === 23) look.italic = false;
    else if (code === 27) look.inverse = false;
    else if (code === 38 || code === 48) look[code === 38 ? "fg" : "bg"] = extended(codes);
    else if (code === 39) look.fg = undefined;
    else if (code === 49) look.bg = undefined;
    else if (code >= 30 && code <= 37) look.fg = indexed(code - 30);
    else if (code >= 40 && code <= 47) look.bg = indexed(code - 40);
    else if (code >= 90 && code <= 97) look.fg = indexed(code - 82);
    else if (code >= 100 && code <= 107) look.bg = indexed(code - 92);
  }
}

/** Takes the rest of `38;5;N` or `38;2;R;G;B`. */
function extended(codes: number[]): string | undefined {
  const kind = codes.shift();
  if (kind === 5) return indexed(codes.shift() ?? 0);
  return kind === 2 ? rgb(codes.splice(0, 3)) : undefined;
}

const FIRST = [
  ...["#484f58", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9"],
  ...["#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#f0f6fc"],
];

/** A colour of the 256: sixteen of the terminal's own, a cube of six levels, and greys. */
function indexed(index: number): string {
  const named = FIRST[index];
  if (named !== undefined) return named;
  if (index >= 232) return rgb(Array(3).fill(8 + 10 * (index - 232)));
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return rgb([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

function rgb(levels: readonly number[]): string {
  return `#${levels.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}
