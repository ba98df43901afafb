// `npm run bench [-- --quick] [--long] [--json] [--write] [NAME…]`: the bus next to the floors of the same run.
import { parseArgs } from "node:util";
import { Bench } from "./bench.ts";
import { type Figure, jsonOf, plainTable } from "./figure.ts";
import { type Machine, machineLine, thisMachine } from "./machine.ts";
import { writePages } from "./page.ts";
import type { Row } from "./row.ts";
import { ROWS } from "./rows/index.ts";

const named = (which: (row: Row) => boolean) =>
  ROWS.filter(which)
    .map(({ name }) => name)
    .join(", ");

const USAGE = `Usage: npm run bench -- [--quick] [--long] [--json] [--write] [NAME…]

  --quick  under a minute: fewer rounds, 100,000 events in place of 1,000,000
  --long   ten minutes of idling in place of 20 s
  --json   one JSON document in place of the table
  --write  put the tables into docs/performance.md, docs/scale.md and test/bench/NOTES.md
  NAME     only these rows: ${named(({ further }) => !further)};
           further ones: ${named(({ further }) => further === true)}`;

/** One row must not hold up the others for ever. */
const MOST_MS = 900_000;

function chosen(names: readonly string[]): Row[] {
  return ROWS.filter(({ name, further }) => (names.length === 0 ? !further : names.includes(name)));
}

type Measured = { figures: Figure[] } | { failed: string };

async function measureRow(bench: Bench, { name, run }: Row, resting: () => void): Promise<Measured> {
  const began = performance.now();
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`took longer than ${MOST_MS / 1000} s`)), MOST_MS).unref();
  });
  try {
    return { figures: await Promise.race([run(bench, resting), late]) };
  } catch (error) {
    return { failed: `${name}: ${error instanceof Error ? error.message : error}` };
  } finally {
    if (process.stderr.isTTY) console.error(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}

async function measure(
  bench: Bench,
  names: readonly string[],
): Promise<{ figures: Figure[]; failed: string[] }> {
  const rows = chosen(names);
  const measured = new Map<Row, Promise<Measured>>();
  for (const row of [...rows.filter(({ early }) => early), ...rows.filter(({ early }) => !early)])
    await new Promise<void>((next) => {
      measured.set(row, measureRow(bench, row, next));
      measured.get(row)?.then(() => next());
    });
  const results = await Promise.all(rows.map((row) => measured.get(row) as Promise<Measured>));
  return {
    figures: results.flatMap((result) => ("figures" in result ? result.figures : [])),
    failed: results.flatMap((result) => ("failed" in result ? [result.failed] : [])),
  };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = positionals.filter((name) => ROWS.every((row) => row.name !== name));
  if (values.help || unknown.length > 0) {
    console.log(unknown.length > 0 ? `There is no row ${unknown.join(", ")}.\n\n${USAGE}` : USAGE);
    return unknown.length > 0 ? 2 : 0;
  }
  const bench = new Bench(values);
  const machine: Machine = thisMachine();
  try {
    const { figures, failed } = await measure(bench, positionals);
    if (values.json) console.log(JSON.stringify({ machine, figures: jsonOf(figures), failed }, null, 2));
    else console.log(`${plainTable(figures)}\n\n${machineLine(machine)}`);
    if (values.write) await writePages(figures, machine);
    for (const problem of failed) console.error(`not measured: ${problem}`);
    return failed.length > 0 ? 1 : 0;
  } finally {
    bench.scratch.remove();
  }
}

process.exit(await main());
