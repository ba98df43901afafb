import { spawn } from "node:child_process";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import type { Notification } from "../domain/context.ts";
import { attempt } from "../lib/attempt.ts";
import { visibleLine } from "../lib/escape.ts";
import {
  type Ids,
  type Place,
  type Program,
  programFor,
  programToClose,
  type Refusal,
  shown,
} from "./programs.ts";

export interface DesktopOptions extends Place {
  warn(message: string): void;
  limitMs?: number;
}

/** The user's screen. */
export interface Desktop {
  /** Resolves false if nothing was shown. Never throws. */
  show(notification: Notification): Promise<boolean>;
  /** Closes the notification of a group, where the desktop can do that. Never throws. */
  withdraw(group: string): Promise<void>;
}

const IN_FLIGHT = 4;
const WAITING = 32;
const LINE_CHARACTERS = 256;
const OUTPUT_CHARACTERS = 1024;
/** Time for the output of a program that has ended (ms). */
const OUTPUT_MS = 200;
/** Groups whose notification can be replaced and closed. */
const MOST_GROUPS = 500;

/**
 * Shows notifications with the platform's own program. Hostile text is cut, escaped and passed as arguments. Warns of each
 * reason why one was not shown once. At most four programs run at a time. Each is killed after `limitMs` (5 s) with its
 * process group. At most 32 more notifications wait, and the rest is dropped.
 */
export function createDesktop(options: DesktopOptions): Desktop {
  const places = createPlaces();
  const groups = new Groups();
  const warned = new Set<string>();
  function refuse({ reason, detail }: Refusal): false {
    if (warned.has(reason)) return false;
    warned.add(reason);
    options.warn(`no desktop notification: ${reason}${detail ? ` (${detail})` : ""}. This is logged once.`);
    return false;
  }
  async function placed(job: () => Promise<Refusal | null>): Promise<boolean> {
    if (!(await places.take())) return refuse({ reason: `${IN_FLIGHT + WAITING} are already under way` });
    try {
      const refusal = await job();
      return refusal === null || refuse(refusal);
    } catch (error) {
      return refuse({
        reason: "the program could not be run",
        detail: visibleLine(String(error), LINE_CHARACTERS),
      });
    } finally {
      places.give();
    }
  }
  return {
    show(notification) {
      const { group } = notification;
      const show = () => placed(() => showOne(notification, groups, options));
      return group === undefined ? show() : groups.inOrder(group, show);
    },
    withdraw: (group) =>
      groups.inOrder(group, async () => {
        const program = await programToClose(group, groups.idOf(group), options).catch(() => undefined);
        groups.forget(group);
        // The user may have closed it, which some desktops call an error.
        if (program !== undefined) await placed(() => run(program, options).then(() => null));
      }),
  };
}

async function showOne(
  notification: Notification,
  groups: Groups,
  options: DesktopOptions,
): Promise<Refusal | null> {
  const { group } = notification;
  const tryWith = async (ids: Ids): Promise<Ran> => {
    const chosen = await programFor(shown(notification), ids, options);
    return "reason" in chosen ? { refusal: chosen, output: "" } : run(chosen, options);
  };
  const ids = groups.idOf(group ?? "");
  const ran = await tryWith(ids);
  // An old notify-send names the option that it does not know, in whatever language.
  if (group !== undefined && ids !== "unknown" && ran.refusal?.detail?.includes("print-id")) {
    groups.areUnknown = true;
    return (await tryWith("unknown")).refusal;
  }
  const id = /^\d{1,10}$/.exec(ran.output.trim())?.[0];
  if (group !== undefined && id !== undefined) groups.keep(group, Number(id));
  return ran.refusal;
}

/** The notifications that are shown, by group. */
class Groups {
  /** The program does not tell ids. */
  areUnknown = false;
  readonly #ids = new Map<string, number>();
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs what concerns a group after all that was begun for it before. */
  inOrder<T>(group: string, job: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(group) ?? Promise.resolve()).then(job);
    this.#last.set(group, done);
    const end = () => this.#last.get(group) === done && this.#last.delete(group);
    done.then(end, end);
    return done;
  }

  idOf(group: string): Ids {
    return this.areUnknown ? "unknown" : (this.#ids.get(group) ?? 0);
  }

  keep(group: string, id: number): void {
    this.#ids.delete(group);
    this.#ids.set(group, id);
    const [oldest] = this.#ids.keys();
    if (oldest !== undefined && this.#ids.size > MOST_GROUPS) this.#ids.delete(oldest);
  }

  forget(group: string): void {
    this.#ids.delete(group);
  }
}

function createPlaces(): { take(): Promise<boolean>; give(): void } {
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    async take() {
      if (taken < IN_FLIGHT) taken++;
      else if (waiting.length === WAITING) return false;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return true;
    },
    give() {
      const next = waiting.shift();
      if (next === undefined) taken--;
      else next();
    },
  };
}

interface Ran {
  refusal: Refusal | null;
  output: string;
}

function run({ file, args }: Program, options: DesktopOptions): Promise<Ran> {
  const { limitMs = 5000 } = options;
  const env = { ...options.env, PATH: options.path };
  const name = basename(file);
  return new Promise((resolve) => {
    const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const output = collect(child.stdout);
    const stderr = collect(child.stderr);
    const finish = (refusal: Refusal | null) => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ refusal, output: output() });
    };
    const fail = (reason: string) => finish({ reason: `${name} ${reason}`, detail: firstLine(stderr()) });
    const timer = setTimeout(() => {
      killGroup(child.pid);
      fail(`did not finish within ${limitMs} ms`);
    }, limitMs);
    child.on("error", (error) =>
      finish({ reason: `${name} cannot be started`, detail: firstLine(error.message) }),
    );
    child.on("exit", (code) => {
      if (code !== 0) return;
      // A child that the program left behind may hold its output open.
      child.stdout?.on("end", () => finish(null));
      setTimeout(() => finish(null), OUTPUT_MS).unref();
    });
    child.on("close", (code, signal) =>
      code === 0 ? finish(null) : fail(`ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}

/** Collects the beginning of a stream, and returns what reads it. */
function collect(stream: Readable | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (more: string) => {
    text = `${text}${more}`.slice(0, OUTPUT_CHARACTERS);
  });
  return () => text;
}

// `detached` made the child the leader of its own process group, which may have ended in the meantime.
function killGroup(leader: number | undefined): void {
  if (leader !== undefined) attempt(() => process.kill(-leader, "SIGKILL"));
}

function firstLine(text: string): string {
  return visibleLine(text.trim().split("\n")[0] ?? "", LINE_CHARACTERS);
}
