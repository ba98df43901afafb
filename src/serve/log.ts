import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { appendFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { visible, visibleLine } from "../lib/escape.ts";
import { restrict } from "../lib/permissions.ts";
import type { CallLine } from "../operations/call_log.ts";

const ROTATE_BYTES = 10 * 1024 * 1024;
const KEPT = 2;

type Level = "info" | "warn" | "error";

export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, details?: unknown): void;
  /** The same, unless the newest line says it already: what starts a failing bus again and again is told why once. */
  failure(message: string, details?: unknown): void;
  /** `describe` is called when the line is written, so that no answer waits for it. */
  call(describe: () => CallLine): void;
  /** Resolves when every line is written. */
  flush(): Promise<void>;
}

export interface LogOptions {
  /** The log: one line per call. At 10 MiB it becomes `.1`, and `.1` becomes `.2`. */
  file: string;
  /** Details of unexpected errors; rotated likewise. */
  errors: string;
  /** Writes the same lines, coloured, to a terminal; undefined when there is none. */
  terminal: ((line: string) => void) | undefined;
  now(): number;
  /** Size at which a file is rotated; 10 MiB unless a test says otherwise. */
  rotateBytes?: number;
}

/** The server's log. Lines are written in order, off the event loop; a log that cannot be written costs no call. */
export function createLog(options: LogOptions): Log {
  const log = new RotatingFile(options.file, options.rotateBytes);
  const errors = new RotatingFile(options.errors, options.rotateBytes);
  const stamp = createStamp(options.now);
  const put = (level: Level, safe: string, painted: () => string) => {
    const time = stamp();
    log.append(`${time} ${COLUMN[level]} ${safe}\n`);
    options.terminal?.(`${DIM}${time.slice(11, 23)}${RESET} ${COLOURS[level]}${painted()}${RESET}\n`);
  };
  const write = (level: Level, text: string) => {
    const message = visibleLine(text);
    put(level, message, () => message);
  };
  const error = (message: string, details?: unknown) => {
    write("error", message);
    const text = details instanceof Error ? (details.stack ?? details.message) : String(details ?? "");
    errors.append(`${new Date(options.now()).toISOString()} ${visibleLine(message)}\n${visible(text)}\n`);
  };
  return {
    info: (message) => write("info", message),
    warn: (message) => write("warn", message),
    error,
    failure(message, details) {
      if (!newestLine(options.file).endsWith(` error ${visibleLine(message)}`)) error(message, details);
    },
    call(describe) {
      if (options.terminal !== undefined) {
        const line = describe();
        put("info", callText(line), () => paintedCall(line));
        return;
      }
      const time = stamp();
      log.append(() => `${time} ${COLUMN.info} ${callText(describe())}\n`);
    },
    flush: async () => {
      await Promise.all([log.written, errors.written]);
    },
  };
}

const TAIL_BYTES = 16 * 1024;

/** Empty when there is none; a device has none. */
function newestLine(path: string): string {
  try {
    if (!statSync(path).isFile()) return "";
    const file = openSync(path, "r");
    try {
      const tail = Buffer.alloc(TAIL_BYTES);
      const read = readSync(file, tail, 0, TAIL_BYTES, Math.max(0, fstatSync(file).size - TAIL_BYTES));
      return tail.toString("utf8", 0, read).trimEnd().split("\n").at(-1) ?? "";
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}

/** The time of a line; made once for all lines of a millisecond. */
function createStamp(now: () => number): () => string {
  let at = Number.NaN;
  let text = "";
  return () => {
    const time = now();
    if (time !== at) text = new Date(time).toISOString();
    at = time;
    return text;
  };
}

const RESET = "\x1b[0m";
const DIM = "\x1b[2m";
const COLUMN: Readonly<Record<Level, string>> = { info: "info ", warn: "warn ", error: "error" };
const COLOURS: Readonly<Record<Level, string>> = { info: "", warn: "\x1b[33m", error: "\x1b[31m" };

function callText({ who, tool, args, outcome, detail, ms }: CallLine): string {
  return `${who} ${tool}${args && " "}${args} → ${outcome}${detail && " "}${detail} ${oneDecimal(ms)} ms`;
}

function paintedCall({ who, tool, args, outcome, detail, ms }: CallLine): string {
  const colour = outcome === "ok" ? "\x1b[32m" : "\x1b[33m";
  return `${DIM}${who}${RESET} \x1b[1m${tool}${RESET}${args && " "}${args} → ${colour}${outcome}${RESET}${detail && " "}${detail} ${DIM}${oneDecimal(ms)} ms${RESET}`;
}

/** As toFixed(1) writes it, at a tenth of its cost. */
function oneDecimal(value: number): string {
  const tenths = Math.round(value * 10);
  return `${Math.trunc(tenths / 10)}.${tenths % 10}`;
}

function textOf(text: string | (() => string)): string {
  if (typeof text === "string") return text;
  try {
    return text();
  } catch (error) {
    return `a line of log could not be made: ${visibleLine(String(error))}\n`;
  }
}

// A named pipe that nobody reads would be waited for.
const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK = 0 } = constants;
const APPEND = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK;

/** At most one write in so many ms: each costs as much as dozens of lines do. */
const APART_MS = 10;

/** Appends in order and collects what comes while a write is under way, or came just before. */
class RotatingFile {
  written: Promise<void> = Promise.resolve();
  readonly #path: string;
  readonly #limit: number;
  #pending: (string | (() => string))[] = [];
  #size: number | undefined;
  #complained = false;
  #torn = false;
  /** A write is under way, for as long as the disk takes. */
  #writing = false;
  #wroteAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, limit = ROTATE_BYTES) {
    this.#path = path;
    this.#limit = limit;
  }

  /**
   * A function is asked for its text within APART_MS, after this turn of the event loop; at once while a write is under way:
   * on a disk that hangs, all that it holds would stay in memory.
   */
  append(text: string | (() => string)): void {
    if (this.#pending.push(this.#writing ? textOf(text) : text) === 1)
      this.written = this.written.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const early = this.#wroteAt + APART_MS - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, early)));
    this.#wroteAt = performance.now();
    const text = this.#pending.map(textOf).join("");
    this.#pending = [];
    this.#writing = true;
    try {
      let size = await this.#sizeNow();
      if (size >= this.#limit) size = await this.#rotate();
      await appendFile(this.#path, this.#torn ? `\n${text}` : text, { mode: 0o600, flag: APPEND });
      this.#torn = false;
      this.#size = size + Buffer.byteLength(text);
    } catch (error) {
      // A full disk may have taken the first half of it.
      this.#torn = true;
      if (!this.#complained) process.stderr.write(`agent-event-bus: cannot write ${this.#path}: ${error}\n`);
      this.#complained = true;
    } finally {
      this.#writing = false;
    }
  }

  async #sizeNow(): Promise<number> {
    if (this.#size !== undefined) return this.#size;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const found = await stat(this.#path).catch(() => undefined);
    if (found?.isBlockDevice()) throw new Error("it is a disk, not a file");
    // A device like /dev/null or /dev/stderr keeps its mode and its name.
    if (found !== undefined && !found.isFile()) return Number.NEGATIVE_INFINITY;
    if (found !== undefined) restrict(this.#path);
    return found?.size ?? 0;
  }

  async #rotate(): Promise<number> {
    for (let number = KEPT; number > 0; number--) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      await rename(from, `${this.#path}.${number}`).catch(() => {});
    }
    return 0;
  }
}
