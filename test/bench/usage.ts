import { readdirSync, readFileSync } from "node:fs";

/** Resident memory of a process, MB; NaN where /proc does not tell. */
export function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1000;
}

/** The same at its largest since the process began. */
export function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1000;
}

const TICK_MS = 10;

/** Processor time of a process, ms, those threads included that ended; NaN where /proc does not tell. */
export function processorMs(pid: number): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  const whole = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  // To the nanosecond, but of threads that are there.
  return Math.max(whole, threadsMs(pid));
}

function threadsMs(pid: number): number {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return (
      tasks.reduce(
        (sum, task) => sum + Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]),
        0,
      ) / 1e6
    );
  } catch {
    return Number.NaN;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
