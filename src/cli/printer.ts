import type { Printer } from "../lib/command.ts";
import { visible, visibleLine } from "../lib/escape.ts";

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36 } as const;
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /\p{Mark}/u;

export interface PrinterOptions {
  out(text: string): void;
  err(text: string): void;
  colours: boolean;
  now(): number;
}

export function createPrinter({ out, err, colours, now }: PrinterOptions): Printer {
  const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return {
    line: (text = "") => out(`${text}\n`),
    note: (text) => err(`${text}\n`),
    table(rows) {
      for (const line of aligned(rows)) out(`${line}\n`);
    },
    text: (value) => visibleLine(value === undefined || value === null ? "-" : String(value)),
    block(untrusted, indent) {
      for (const line of visible(untrusted).split("\n")) out(`${indent}${line}\n`);
    },
    time: (iso) => localTime(String(iso), now()),
    ago: (iso) => relativeAge(String(iso), now()),
    bold: (text) => paint(1, text),
    dim: (text) => paint(2, text),
    colour: (name, text) => paint(CODES[name], text),
  };
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd(),
  );
}

function width(cell: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colour codes take no place
  const shown = cell.replace(/\x1b\[\d+m/g, "");
  let columns = 0;
  for (const character of shown) columns += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

function localTime(iso: string, now: number): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return visibleLine(iso);
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  const today = new Date(now).toDateString() === time.toDateString();
  return today
    ? `${clock}:${two(time.getSeconds())}`
    : `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}

function relativeAge(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return "-";
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}
