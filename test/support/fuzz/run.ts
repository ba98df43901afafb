import { type Case, eventsMade, type Kind, problemOf } from "./case.ts";
import { Connection } from "./connection.ts";
import { DEAR_KINDS } from "./dear.ts";
import { MESSAGE_KINDS } from "./messages.ts";
import { pick, random } from "./random.ts";
import { TOOL_KINDS } from "./tools.ts";
import { WIRE_KINDS } from "./wire.ts";

/** A reply that takes longer is a failure, not a slow machine. */
export const SLOWEST_MS = 5_000;
const DEAR_EVERY = 2_000;
const SHOWN = 300;

const SHARED = [...TOOL_KINDS, ...MESSAGE_KINDS, ...WIRE_KINDS];
/** The name of every kind of case. */
export const KINDS: readonly string[] = [
  ...SHARED.map(([, name]) => name),
  ...DEAR_KINDS.map(([name]) => name),
];
const BY_SHARE: readonly (readonly [string, Kind])[] = SHARED.flatMap(([share, name, make]) =>
  Array.from({ length: share }, () => [name, make] as const),
);

/** The case of a seed and a number, always the same. */
export function caseOf(seed: number, index: number): Case & { kind: string } {
  const next = random(seed + Math.imul(index, 0x9e3779b1));
  const [kind, make] = dearKind(index) ?? pick(next, BY_SHARE);
  return { kind, ...make(next) };
}

function dearKind(index: number): (typeof DEAR_KINDS)[number] | undefined {
  if (index % DEAR_EVERY !== DEAR_EVERY - 1) return undefined;
  return DEAR_KINDS[Math.floor(index / DEAR_EVERY) % DEAR_KINDS.length];
}

export interface FuzzRun {
  /** Events that answers say were made. */
  events: number;
  slowestMs: number;
  /** One line for each case that went wrong, with the seed and the number that make it again. */
  failures: string[];
  kinds: Set<string>;
}

/** Sends the cases from `from` up to and without `to` over `connections` connections. */
export async function fuzz(
  port: number,
  seed: number,
  { from = 0, to, connections = 16 }: { from?: number; to: number; connections?: number },
): Promise<FuzzRun> {
  const run: FuzzRun = { events: 0, slowestMs: 0, failures: [], kinds: new Set() };
  let index = from;
  const worker = async () => {
    const connection = new Connection(port);
    while (index < to && run.failures.length < 20) await send(connection, seed, index++, run);
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return run;
}

async function send(shared: Connection, seed: number, index: number, run: FuzzRun): Promise<void> {
  const sample = caseOf(seed, index);
  run.kinds.add(sample.kind);
  const connection = sample.alone ? shared.another() : shared;
  const began = performance.now();
  const answer = await connection.ask(sample.bytes, SLOWEST_MS, sample.leaves);
  const ms = performance.now() - began;
  if (sample.alone) connection.close();
  run.slowestMs = Math.max(run.slowestMs, ms);
  const late = answer === "late";
  const problem = late ? `no answer in ${SLOWEST_MS} ms` : problemOf(sample, answer);
  if (!late) run.events += eventsMade(answer);
  if (problem === null) return;
  const shown = typeof sample.bytes === "string" || sample.bytes instanceof Uint8Array ? sample.bytes : "…";
  const request = JSON.stringify(
    Buffer.from(shown as string)
      .toString("latin1")
      .slice(0, 1_500),
  );
  const got = late ? "" : JSON.stringify(answer.body.slice(0, SHOWN));
  run.failures.push(`FUZZ=${seed}:${index} (${sample.kind}): ${problem}\n  sent ${request}\n  got ${got}`);
}
