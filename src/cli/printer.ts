import type { Printer } from "../lib/command.ts";
import { visible, visibleLine } from "../lib/escape.ts";
import { tableLines } from "./table.ts";
import { widthOf } from "./text_width.ts";

// Magenta and red are the two that can be read on a light and on a dark background alike.
const CODES = { attention: 35, trouble: 31 } as const;

/** Goes to the line above, and clears it. */
const LINE_ABOVE = "\x1b[1A\x1b[2K";

export interface PrinterOptions {
  out(text: string): void;
  err(text: string): void;
  colours: boolean;
  /** Columns of the terminal. Undefined if stdout is not one. */
  width: number | undefined;
  /** Breaks a message into lines of the terminal's width. */
  wrap?: ((text: string, width: number) => string[]) | undefined;
  now(): number;
}

export function createPrinter({ out, err, colours, width, wrap, now }: PrinterOptions): Printer {
  const paint = (code: number, text: string) =>
    colours && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  const fitted = (text: string) =>
    width === undefined || wrap === undefined || widthOf(text) <= width ? text : wrap(text, width).join("\n");
  let above = "";
  return {
    width,
    progress(text) {
      out(`${above}${text}\n`);
      if (width !== undefined) above = LINE_ABOVE;
    },
    line: (text = "") => out(`${text}\n`),
    prose: (text) => out(`${fitted(text)}\n`),
    note: (text) => err(`${fitted(text)}\n`),
    table(columns, rows) {
      const titles = columns.map(({ title = "" }) => paint(2, title));
      const heading = titles.some((title) => title !== "") ? [titles] : [];
      for (const line of tableLines(columns, [...heading, ...rows], width)) out(`${line}\n`);
    },
    text: (value) => visibleLine(value === undefined || value === null ? "-" : String(value)),
    block(untrusted, indent) {
      for (const line of visible(untrusted).split("\n")) out(`${indent}${line}\n`);
    },
    time: (iso) => localTime(String(iso), now()),
    clock: (iso) => (width === undefined ? dateAndClock(String(iso)) : shortTime(String(iso), now())),
    ago: (iso) => relativeAge(String(iso), now()),
    bold: (text) => paint(1, text),
    dim: (text) => paint(2, text),
    colour: (name, text) => paint(CODES[name], text),
  };
}

const two = (number: number) => String(number).padStart(2, "0");

function clockOf(time: Date): string {
  return `${two(time.getHours())}:${two(time.getMinutes())}`;
}

function dateAndClock(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return visibleLine(iso);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clockOf(time)}`;
}

function isToday(time: Date, now: number): boolean {
  return new Date(now).toDateString() === time.toDateString();
}

function localTime(iso: string, now: number): string {
  const time = new Date(iso);
  return isToday(time, now) ? `${clockOf(time)}:${two(time.getSeconds())}` : dateAndClock(iso);
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function shortTime(iso: string, now: number): string {
  const time = new Date(iso);
  if (isToday(time, now)) return clockOf(time);
  const isThisYear = time.getFullYear() === new Date(now).getFullYear();
  return isThisYear ? `${time.getDate()} ${MONTHS[time.getMonth()]} ${clockOf(time)}` : dateAndClock(iso);
}

function relativeAge(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return "-";
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}
