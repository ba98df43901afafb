import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { keptToken } from "../config/client.ts";
import type { Environment } from "../config/parse_settings.ts";
import { settingNames } from "../config/server.ts";
import { attempt } from "../lib/attempt.ts";
import { onInterrupt } from "../lib/interrupt.ts";
import { makeFile } from "../lib/permissions.ts";
import { within } from "../lib/within.ts";
import { probe } from "../rpc/probe.ts";

/** The bus could not start. `code` is the exit code of its process. */
export class NotStarted extends Error {
  readonly code: number;
  constructor(reason: string, code: number) {
    super(reason);
    this.code = code;
  }
}

export interface Started {
  pid: number;
  url: string;
  database: string;
  log: string;
}

interface Wanted {
  /** The words that run this program. */
  program: readonly [string, ...string[]];
  /** Flags of `serve`. */
  flags: readonly string[];
  env: Environment;
  /** The file that takes what the process writes to stderr. */
  err: string;
  /** The folder that it runs in, if it exists. */
  folder: string;
}

const ANSWERS_MS = 15_000;
const FAILED = 1;

/**
 * Runs `serve` as a process that outlives this one and its terminal. Resolves once the bus answers.
 * @throws NotStarted with the reason, once the process is gone.
 */
export async function startInBackground({ program, flags, env, err, folder }: Wanted): Promise<Started> {
  const [file, ...words] = program;
  const errors = openErrors(err);
  const child = spawn(file, [...words, "serve", "--json", ...flags], {
    ...{ env, cwd: existsSync(folder) ? folder : "/", windowsHide: true },
    // A session of its own: the end of the terminal sends it no signal.
    detached: true,
    stdio: ["ignore", "pipe", errors ?? "ignore"],
  });
  if (errors !== undefined) closeSync(errors);
  const ignore = onInterrupt(() => child.kill("SIGTERM"));
  try {
    const document = await firstDocument(child);
    const started = { ...document, pid: child.pid ?? 0 };
    if (await within(ANSWERS_MS, () => answers(started.url))) return started;
    child.kill("SIGTERM");
    throw new NotStarted(`The bus does not answer at ${started.url}. Its log: ${started.log}`, FAILED);
  } finally {
    ignore();
    child.stdout?.destroy();
    child.unref();
  }
}

/** The environment without the bus's own variables, as a service manager gives it. */
export function plainEnvironment(env: Environment): Environment {
  const ours = settingNames();
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.includes(name)));
}

function openErrors(file: string): number | undefined {
  return attempt(() => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return makeFile(file);
  });
}

async function answers(url: string): Promise<boolean> {
  const { kind } = await probe(url, attempt(keptToken));
  return kind === "bus" || kind === "unauthorized";
}

/** The document that `serve --json` prints when it listens. @throws NotStarted when it ended instead. */
function firstDocument(child: ChildProcess): Promise<Omit<Started, "pid">> {
  let text = "";
  return new Promise((resolve, reject) => {
    const read = () => attempt(() => JSON.parse(text.split("\n", 1)[0] ?? ""));
    child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      const document = text.includes("\n") ? read() : undefined;
      if (document?.url !== undefined) resolve(document);
    });
    child.once("error", (error) =>
      reject(new NotStarted(`The bus could not start: ${error.message}`, FAILED)),
    );
    child.once("close", (code, signal) => {
      const reason = read()?.error ?? `The bus ended as it started (${signal ?? `exit code ${code}`}).`;
      reject(new NotStarted(String(reason), code ?? FAILED));
    });
  });
}
