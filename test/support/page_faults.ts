import { dlopen, ptr } from "bun:ffi";

const RUSAGE_CHILDREN = -1;
/** Place of `ru_minflt` among the 64-bit words of a `struct rusage`, and their number. */
const MINOR_FAULTS = 8;
const WORDS = 18;
const RUNS = 8;
/** A thread of the runtime touches memory in advance, as much as it can before the program ends. */
const STEADY = { BUN_JSC_useWarmUpMarkedBlocks: "0" };

/** Page faults of all children so far that have ended; null where they cannot be counted. */
const ofChildren = counter();

/** Why no page faults can be counted here; null when they can. */
export const noPageFaults = ofChildren === null ? "this system has no glibc to ask" : null;

/** Page faults of a program from start to end, the least of several runs. Other work on the machine does not change them. */
export function pageFaults(command: readonly string[], env: Record<string, string>, stdin = ""): number {
  if (ofChildren === null) throw new Error(String(noPageFaults));
  const counts: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const before = ofChildren();
    const { success } = Bun.spawnSync([...command], {
      env: { PATH: process.env.PATH ?? "", ...STEADY, ...env },
      ...{ stdin: Buffer.from(stdin), stdout: "ignore", stderr: "ignore" },
    });
    if (!success) throw new Error(`${command.join(" ")} failed`);
    counts.push(ofChildren() - before);
  }
  return Math.min(...counts);
}

function counter(): (() => number) | null {
  try {
    const { getrusage } = dlopen("libc.so.6", {
      getrusage: { args: ["i32", "ptr"], returns: "i32" },
    }).symbols;
    const usage = new BigInt64Array(WORDS);
    return () => {
      if (getrusage(RUSAGE_CHILDREN, ptr(usage)) !== 0) throw new Error("getrusage failed");
      return Number(usage[MINOR_FAULTS]);
    };
  } catch {
    return null;
  }
}
