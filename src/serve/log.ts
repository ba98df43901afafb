import { constants, mkdirSync, readFileSync, statSync } from "node:fs";
import { appendFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { styleText } from "node:util";
import { visible, visibleLine } from "../lib/escape.ts";
import { isoTime } from "../lib/iso_time.ts";
import { restrict } from "../lib/permissions.ts";
import type { CallLine } from "../operations/call_log.ts";

const ROTATE_BYTES = 10 * 1024 * 1024;
const KEPT = 2;

type Level = "info" | "warn" | "error";

export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, details?: unknown): void;
  /** An error, unless the newest line says the same. A bus that is started again and again logs its failure once. */
  failure(message: string, details?: unknown): void;
  /** Calls `describe` when the line is written, so that no answer waits for it. */
  call(describe: () => CallLine): void;
  /** Resolves when every line is written. */
  flush(): Promise<void>;
}

export interface LogOptions {
  /** Log with one line per call. At 10 MiB it becomes `.1`, and `.1` becomes `.2`. */
  file: string;
  /** Details of unexpected errors, rotated likewise. */
  errors: string;
  /** Writes the same lines in colour to a terminal. */
  terminal: ((line: string) => void) | undefined;
  now(): number;
  /** Size at which a file is rotated. 10 MiB if undefined. */
  rotateBytes?: number;
}

/** The server's log. Writes lines in order, off the event loop. No call fails because a log cannot be written. */
export function createLog(options: LogOptions): Log {
  const log = new RotatingFile(options.file, options.rotateBytes);
  const errors = new RotatingFile(options.errors, options.rotateBytes);
  const stamp = () => isoTime(options.now());
  const put = (level: Level, safe: string, shown = safe) => {
    const time = stamp();
    log.append(`${time} ${COLUMN[level]} ${safe}\n`);
    options.terminal?.(`${painted("dim", time.slice(11, 23))} ${painted(COLOURS[level], shown)}\n`);
  };
  const error = (message: string, details?: unknown) => {
    put("error", visibleLine(message));
    const text = details instanceof Error ? (details.stack ?? details.message) : String(details ?? "");
    errors.append(`${stamp()} ${visibleLine(message)}\n${visible(text)}\n`);
  };
  return {
    info: (message) => put("info", visibleLine(message)),
    warn: (message) => put("warn", visibleLine(message)),
    error,
    failure(message, details) {
      if (!newestLine(options.file).endsWith(` error ${visibleLine(message)}`)) error(message, details);
    },
    call(describe) {
      if (options.terminal !== undefined) {
        const line = describe();
        put("info", callText(line), paintedCall(line));
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

/** Empty if the path is not a file. */
function newestLine(path: string): string {
  try {
    const text = statSync(path).isFile() ? readFileSync(path, "utf8").trimEnd() : "";
    return text.slice(text.lastIndexOf("\n") + 1);
  } catch {
    return "";
  }
}

const COLUMN: Readonly<Record<Level, string>> = { info: "info ", warn: "warn ", error: "error" };
const COLOURS = { info: "reset", warn: "yellow", error: "red" } as const;

function painted(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { validateStream: false });
}

function paintedCall({ who, tool, outcome, ...line }: CallLine): string {
  const shown = painted(outcome === "ok" ? "green" : COLOURS.warn, outcome);
  return wordsOf({ ...line, who: painted("dim", who), tool: painted("bold", tool) }, shown);
}

function callText(line: CallLine): string {
  return wordsOf(line, line.outcome);
}

function wordsOf({ who, tool, args, detail, ms }: Omit<CallLine, "outcome">, outcome: string): string {
  return `${who} ${tool}${args && " "}${args} → ${outcome}${detail && " "}${detail} ${ms.toFixed(1)} ms`;
}

function textOf(text: string | (() => string)): string {
  if (typeof text === "string") return text;
  try {
    return text();
  } catch (error) {
    return `a line of log could not be made: ${visibleLine(String(error))}\n`;
  }
}

// O_NONBLOCK because opening a named pipe without a reader would block.
const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK = 0 } = constants;
const APPEND = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK;

/** Minimum time between two writes. A write costs as much as dozens of lines. */
const APART_MS = 10;

/** Appends in order. Collects lines during a write and shortly after it. */
class RotatingFile {
  written: Promise<void> = Promise.resolve();
  readonly #path: string;
  readonly #limit: number;
  #pending: (string | (() => string))[] = [];
  #size: number | undefined;
  #complained = false;
  #torn = false;
  #writing = false;
  #wroteAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, limit = ROTATE_BYTES) {
    this.#path = path;
    this.#limit = limit;
  }

  /**
   * Calls a function for its text after this turn of the event loop, within APART_MS. During a write it is called at once,
   * because on a disk that hangs all that the function holds would stay in memory.
   */
  append(text: string | (() => string)): void {
    if (this.#pending.push(this.#writing ? textOf(text) : text) === 1)
      this.written = this.written.then(() => this.#write());
  }

  async #write(): Promise<void> {
    await delay(Math.max(0, this.#wroteAt + APART_MS - performance.now()));
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
      // A full disk may have taken the first half of the text.
      this.#torn = true;
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === "ENOSPC" ? "the disk is full" : (code ?? message);
      if (!this.#complained) process.stderr.write(`agent-event-bus: cannot write ${this.#path}: ${why}\n`);
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
    // Devices like /dev/null or /dev/stderr keep their mode and name.
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
