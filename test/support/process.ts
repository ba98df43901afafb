import { readdirSync, readFileSync } from "node:fs";
import type { ProcessBus } from "./bus.ts";

/** Starts a program with no input and waits for its end. */
export async function outputOf(
  command: string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<{ stdout: string; stderr: string; code: number; signalled: boolean }> {
  const child = Bun.spawn(command, { ...options, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code, signalled: child.signalCode !== null };
}

export interface Ended {
  stdout: string;
  stderr: string;
  code: number;
}

/** Runs a program, with no input unless some is given. */
export async function runIn(
  command: string[],
  { stdin, ...options }: { cwd: string; env: Record<string, string>; stdin?: string | undefined },
): Promise<Ended> {
  const input = stdin === undefined ? "ignore" : new Blob([stdin]);
  const child = Bun.spawn(command, { ...options, stdin: input, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

const TICK_MS = 10;

/** Processor time a process has used so far, ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory of a process, MiB. */
export function rssMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Memory of a process that nothing else shares, MiB. */
export function privateMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

/** Files and connections that a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The processes whose command line ends in these words, and whose environment holds that text. */
export function running(words: readonly string[], environment: string): number[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && read(pid, "cmdline").endsWith(`\0${words.join("\0")}\0`))
    .filter((pid) => read(pid, "environ").includes(environment))
    .map(Number);
}

export interface HealthAnswer {
  code: number;
  ms: number;
  status: string;
  reason?: string;
  detail?: string;
  since?: string;
}

export async function health(bus: { port: number }): Promise<HealthAnswer> {
  const began = performance.now();
  const response = await fetch(`http://127.0.0.1:${bus.port}/health`, { keepalive: false });
  const body = (await response.json()) as HealthAnswer;
  return { ...body, code: response.status, ms: performance.now() - began };
}

/** Asks for /health until it has that status; returns how long that took, ms. */
export async function healthIs(bus: { port: number }, code: number, ms = 15_000): Promise<number> {
  const began = performance.now();
  for (;;) {
    const answer = await health(bus);
    if (answer.code === code) return performance.now() - began;
    if (performance.now() - began > ms) throw new Error(`/health says ${answer.code} after ${ms} ms`);
    await Bun.sleep(20);
  }
}

/** Asks for /health every 50 ms until told to stop; answers in the order they came. */
export function pollHealth(bus: { port: number }): () => Promise<(HealthAnswer & { at: number })[]> {
  const answers: (HealthAnswer & { at: number })[] = [];
  const began = performance.now();
  let over = false;
  const poll = async () => {
    while (!over) {
      const at = performance.now() - began;
      answers.push({ ...(await health(bus)), at });
      await Bun.sleep(50);
    }
  };
  const polling = poll();
  return async () => {
    over = true;
    await polling;
    return answers;
  };
}

/** Sends a signal and waits for the end. */
export async function end(
  bus: ProcessBus,
  signal: "SIGTERM" | "SIGINT" = "SIGTERM",
): Promise<{ code: number; ms: number }> {
  const began = performance.now();
  bus.process.kill(signal);
  const code = await bus.process.exited;
  return { code, ms: performance.now() - began };
}
