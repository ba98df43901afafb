// `npm test`: builds what the tests run, then runs them. Arguments go to `bun test`, e.g. a part of a file name.
import { join } from "node:path";
import { buildBinary } from "./binary.ts";
import { buildNode } from "./node.ts";

const root = join(import.meta.dir, "..");

/** Files that load the machine, or bound what another's load would lengthen: each runs with nothing beside it. */
export const ALONE: readonly string[] = [
  "test/build/cold-start.test.ts",
  "test/build/hook-speed.test.ts",
  "test/claude-code/wake.test.ts",
  "test/deliver/backlog.test.ts",
  "test/deliver/healthy.test.ts",
  "test/faults/connection-flood.test.ts",
  "test/faults/damaged-database.test.ts",
  "test/faults/foreign-lock.test.ts",
  "test/faults/fuzz.test.ts",
  "test/faults/kill.test.ts",
];

export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads what `bun test` printed; a run that ended badly without a failed test counts as one failure. */
export function summarize(output: string, exitCode: number): Summary {
  const count = (word: string) => {
    const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const failed = count("fail");
  const ended = exitCode === 0 && /^Ran \d+ tests? across /m.test(output);
  return {
    passed: count("pass"),
    failed: failed === 0 && !ended ? 1 : failed,
    skipped: count("skip") + count("todo"),
  };
}

export function lastLine({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** The runs of `bun test`, by their arguments: a part in one, or everything: three files at a time, then the rest. */
export function runsOf(args: readonly string[]): string[][] {
  if (args.length > 0) return [[...args]];
  return [["--parallel=3", ...ALONE.map((file) => `--path-ignore-patterns=${file}`)], [...ALONE]];
}

/** Runs `bun test` in a folder that often, one after the other; the counts of all. */
export async function runTests(runs: readonly (readonly string[])[], folder: string): Promise<Summary> {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const args of runs) {
    const { passed, failed, skipped } = await runOnce(args, folder);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

async function runOnce(args: readonly string[], folder: string): Promise<Summary> {
  const tests = Bun.spawn([process.execPath, "test", "--timeout=60000", ...args], {
    cwd: folder,
    // The tests talk to this machine only, whatever proxy it has.
    env: {
      ...process.env,
      NO_PROXY: "127.0.0.1,localhost",
      ...(process.stderr.isTTY && { FORCE_COLOR: "1" }),
    },
    stdout: "inherit",
    stderr: "pipe",
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of tests.stderr) {
    process.stderr.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const exitCode = await tests.exited;
  if (tests.signalCode !== null) console.error(`bun test was ended by ${tests.signalCode}`);
  return summarize(Bun.stripANSI(output), exitCode);
}

async function build(): Promise<boolean> {
  try {
    await buildBinary();
    await buildNode();
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

if (import.meta.main) {
  const built = await build();
  const summary = built
    ? await runTests(runsOf(process.argv.slice(2)), root)
    : { passed: 0, failed: 1, skipped: 0 };
  console.log(lastLine(summary));
  process.exitCode = summary.failed === 0 ? 0 : 1;
}
