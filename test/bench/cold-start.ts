// `npm run bench [--json]`: how long a command takes, next to an empty program that was compiled the same way.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBinary } from "../../build/binary.ts";
import { binary } from "../support/binary.ts";

/** A command may take this many times as long as the empty program. */
export const TARGET = 2;

export interface ColdStart {
  command: string;
  milliseconds: number;
  /** To the empty program of the same run. */
  ratio: number;
}

/** The empty program comes first. Measures in turns, so that a slow moment of the machine hits all alike. */
export async function measureColdStart(rounds: number): Promise<ColdStart[]> {
  const folder = await mkdtemp(join(tmpdir(), "cold-start-"));
  try {
    const entry = join(import.meta.dir, "floor/empty.ts");
    const empty = await buildBinary({ entry, outfile: join(folder, "empty") });
    const commands = [[empty], [binary, "--help"], [binary, "--version"]];
    const times = commands.map((): number[] => []);
    for (const command of commands) run(command);
    for (let round = 0; round < rounds; round++) {
      for (const [i, command] of commands.entries()) times[i]?.push(run(command));
    }
    const floor = median(times[0] ?? []);
    return ["empty program", "--help", "--version"].map((command, i) => {
      const milliseconds = median(times[i] ?? []);
      return { command, milliseconds, ratio: milliseconds / floor };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(command: string[]): number {
  const start = performance.now();
  const { success } = Bun.spawnSync(command, { stdio: ["ignore", "ignore", "ignore"] });
  if (!success) throw new Error(`${command.join(" ")} failed`);
  return performance.now() - start;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
  const results = await measureColdStart(40);
  if (process.argv.includes("--json")) console.log(JSON.stringify({ target: TARGET, results }));
  else {
    for (const { command, milliseconds, ratio } of results) {
      console.log(`${command.padEnd(14)} ${milliseconds.toFixed(1).padStart(6)} ms  ${ratio.toFixed(2)} x`);
    }
    console.log(`target: below ${TARGET.toFixed(2)} x`);
  }
}
