import { localCommand, type Printer } from "../lib/command.ts";
import { DB } from "./db_param.ts";
import type { Step } from "./migrate.ts";
import type { Moved, Progress } from "./moving.ts";

const BAR = 12;
const CHECKSUM = 16;

/** The command that moves the data of the bus to another engine. */
export const migrate = localCommand({
  about:
    "Move all data to PostgreSQL, or back into a new file. Ids, cursors and tokens stay the same. The bus must be stopped. The source is only read. If this fails, nothing was moved, and you run it again.",
  params: {
    to: {
      type: "text",
      min: 1,
      max: 4096,
      value: "file",
      about: "Where to: postgres://USER@HOST/DATABASE (docs/scale.md), or a new file",
    },
    db: DB,
  },
  command: {
    name: "migrate",
    examples: [
      ["migrate --to postgres://eventbus@db.example.com/eventbus", "from the file to several buses"],
      ["migrate --to ~/.claude/contrib/agent-event-bus/back.db", "from PostgreSQL back into a file"],
    ],
  },
  run: async (args, desk) => (await import("./migrate.ts")).migrate(args, desk),
  tell: (step, to) => show(step as unknown as Progress, to),
  print(result, to) {
    to.table(
      [{ title: "TABLE" }, { title: "ROWS" }, { title: "CHECKSUM, THE SAME ON BOTH SIDES" }],
      (result.tables as Moved[]).map(({ table, rows, checksum }) => [
        to.text(table),
        to.text(rows),
        to.text(checksum.slice(0, CHECKSUM)),
      ]),
    );
    to.prose(`${to.text(result.rows)} rows in ${to.text(result.milliseconds)} ms, to ${to.text(result.to)}`);
    to.prose(to.text(result.left));
    for (const [i, { step, text }] of (result.next as Step[]).entries()) {
      to.prose(`${i + 1}. ${to.text(step)}:`);
      to.line(`   ${to.text(text)}`);
    }
  },
});

/** One line on a terminal, which each step replaces. Elsewhere a line for each table. */
function show({ doing, table, rows, of, rows_per_second, ended }: Progress, to: Printer): void {
  const text = `${rows} of ${of} rows, ${rows_per_second} rows/s`;
  const what = `${doing.padEnd(9)} ${table.padEnd(10)}`;
  // A line that the terminal breaks could not be replaced.
  if (to.width !== undefined)
    to.progress(`${what} ${bar(of === 0 ? 1 : rows / of)} ${text}`.slice(0, to.width - 1));
  else if (ended && doing === "moving") to.progress(`${what} ${text}`);
}

function bar(share: number): string {
  const full = Math.round(share * BAR);
  return `${"#".repeat(full)}${"-".repeat(BAR - full)} ${String(Math.floor(share * 100)).padStart(3)} %`;
}
