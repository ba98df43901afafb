// `npm test`: builds what the tests run, then runs them. Arguments go to `bun test`, e.g. a part of a file name.
import { join } from "node:path";
import { buildBinary } from "./binary.ts";
import { buildNode } from "./node.ts";

const root = join(import.meta.dir, "..");

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
  return {
    passed: count("pass"),
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: count("skip") + count("todo"),
  };
}

export function lastLine({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

async function runTests(args: string[]): Promise<Summary> {
  const tests = Bun.spawn([process.execPath, "test", "--timeout=60000", ...args], {
    cwd: root,
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
  const summary = built ? await runTests(process.argv.slice(2)) : { passed: 0, failed: 1, skipped: 0 };
  console.log(lastLine(summary));
  process.exitCode = summary.failed === 0 ? 0 : 1;
}
