// `npm test`: builds what the tests run, then runs them. `--all` adds the long files, `--long` runs them only. Other
// arguments go to `bun test`, e.g. a part of a file name. TIMES=write notes how long each file took.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildBinary } from "./binary.ts";
import { buildNode } from "./node.ts";
import { list, report, type Summary, summarize, total } from "./summary.ts";

const root = join(import.meta.dir, "..");

/** How long each file took (ms). Files that run side by side begin with the slowest, so that none is left at the end. */
const TIMES = join(import.meta.dir, "times.json");

/** Files that measure the machine: each runs with nothing beside it. */
const ALONE: readonly string[] = [
  "test/claude-code/mod-cost.test.ts",
  "test/day/team.test.ts",
  "test/webhooks/large-backlog.test.ts",
  "test/faults/dear-requests.test.ts",
  "test/faults/greedy.test.ts",
];

/** Files that wait for time limits of the bus and hardly use a processor: three at a time, beside other files. */
const WAITING: readonly string[] = [
  "test/faults/full-disk.test.ts",
  "test/faults/postgres-full-disk.test.ts",
  "test/faults/slow-connections.test.ts",
  "test/http/access/half-open.test.ts",
  "test/webhooks/lease.test.ts",
];

/** Files that load the machine, most of the time with one processor: two at a time. */
const IN_PAIRS: readonly string[] = [
  "test/claude-code/interrupted.test.ts",
  "test/faults/connection-flood.test.ts",
  "test/faults/kill-buses.test.ts",
  "test/faults/kill-deliveries.test.ts",
  "test/faults/new-primary.test.ts",
  "test/hooks/fleet.test.ts",
  "test/http/access/security-page.test.ts",
  "test/sqlite/mail-size.test.ts",
  "test/sqlite/readers.test.ts",
  "test/sqlite/time-size.test.ts",
  "test/skew/rolling.test.ts",
  "test/store/skip/never-skip.test.ts",
  "test/webhooks/healthy.test.ts",
];

/** Files that drive a real browser, which loads the machine: two at a time. */
const IN_BROWSERS: readonly string[] = [
  "test/page/answers.test.ts",
  "test/page/hostile.test.ts",
  "test/page/load.test.ts",
  "test/page/machines.test.ts",
  "test/page/made-up.test.ts",
  "test/page/other-sites.test.ts",
  "test/page/restart.test.ts",
];

/** Files that drive the real Claude Code, or kill the bus again and again: three at a time. */
const IN_THREES: readonly string[] = [
  "test/faults/fuzz.test.ts",
  "test/faults/kill.test.ts",
  "test/faults/needs-storm.test.ts",
  "test/install/systemd.test.ts",
  "test/sqlite/migrate-kill.test.ts",
  "test/admin/migrate-kill.test.ts",
  "test/claude-code/answer.test.ts",
  "test/claude-code/attempts.test.ts",
  "test/claude-code/ci.test.ts",
  "test/claude-code/claude-code.test.ts",
  "test/claude-code/deleted-folder.test.ts",
  "test/claude-code/dialog.test.ts",
  "test/claude-code/doctor.test.ts",
  "test/claude-code/fallback.test.ts",
  "test/claude-code/install.test.ts",
  "test/claude-code/killed.test.ts",
  "test/claude-code/marketplace.test.ts",
  "test/claude-code/mod-chaos.test.ts",
  "test/claude-code/mod-session.test.ts",
  "test/claude-code/mod-wake.test.ts",
  "test/claude-code/newcomer.test.ts",
  "test/claude-code/own-tools.test.ts",
  "test/claude-code/ping-pong.test.ts",
  "test/claude-code/print.test.ts",
  "test/claude-code/revisions.test.ts",
  "test/claude-code/second-machine.test.ts",
  "test/claude-code/storm.test.ts",
  "test/claude-code/token.test.ts",
  "test/claude-code/two-installations.test.ts",
  "test/claude-code/unprompted.test.ts",
  "test/claude-code/versions.test.ts",
  "test/claude-code/visible.test.ts",
  "test/claude-code/wake.test.ts",
  "test/day/container.test.ts",
  "test/day/day.test.ts",
  "test/mod/plugin.test.ts",
];

/** Files that take long, but may run side by side: other engines, whole installations, faults that are waited out. */
const SLOW: readonly string[] = [
  "test/hooks/output.test.ts",
  "test/faults/hostile-text.test.ts",
  "test/admin/migrate.test.ts",
  "test/admin/restore-command.test.ts",
  "test/cli/written.test.ts",
  "test/http/mcp/listen.test.ts",
  "test/http/mcp/resume.test.ts",
  "test/http/page/stream.test.ts",
  "test/http/page/trouble.test.ts",
  "test/push/buses.test.ts",
  "test/serve/proxy.test.ts",
  "test/serve/socket.test.ts",
  "test/sqlite/search.test.ts",
  "test/faults/damaged-database.test.ts",
  "test/http/access/settings.test.ts",
  "test/attention/day.test.ts",
  "test/faults/displaced-database.test.ts",
  "test/hooks/answer.test.ts",
  "test/hooks/away.test.ts",
  "test/hooks/dialog.test.ts",
  "test/sqlite/fitness.test.ts",
  "test/attention/ping-pong.test.ts",
  "test/http/access/two-users.test.ts",
  "test/bench/bench.test.ts",
  "test/contract.node.test.ts",
  "test/contract.source.test.ts",
  "test/desktop/dunst.test.ts",
  "test/desktop/running.test.ts",
  "test/webhooks/node.test.ts",
  "test/faults/clock.test.ts",
  "test/faults/foreign-lock.test.ts",
  "test/faults/full-log.test.ts",
  "test/faults/graceful-stop.test.ts",
  "test/faults/index-kill.test.ts",
  "test/hooks/kill.test.ts",
  "test/hooks/node.test.ts",
  "test/install/client.test.ts",
  "test/install/doctor-alone.test.ts",
  "test/install/doctor-client.test.ts",
  "test/install/doctor.test.ts",
  "test/install/hand-made.test.ts",
  "test/install/install-script.test.ts",
  "test/install/states.test.ts",
  "test/install/states-mended.test.ts",
  "test/hooks/wait.test.ts",
  "test/hooks/injection.test.ts",
  "test/push/phone.test.ts",
  "test/operations/hooks/needs.test.ts",
  "test/install/launchd.test.ts",
  "test/install/put-back.test.ts",
  "test/install/server.test.ts",
  "test/original/hooks.test.ts",
  "test/readme.test.ts",
  "test/skew/previous.test.ts",
  "test/store/postgres.test.ts",
  "test/store/two-buses.test.ts",
];

/** Debian's folder of PostgreSQL's programs. */
const POSTGRES = "/usr/lib/postgresql";

/** Files that run once more with their buses on PostgreSQL. */
const ON_POSTGRES: readonly string[] = [
  "test/contract.binary.test.ts",
  "test/contract.node.test.ts",
  "test/http/mcp/",
  "test/http/routes.test.ts",
  "test/http/sse.test.ts",
  "test/inbound/commands.test.ts",
  "test/inbound/kinds.test.ts",
  "test/inbound/once.test.ts",
  "test/inbound/programs.test.ts",
  "test/inbound/refused.test.ts",
  "test/operations/",
];

/** Files with the real Claude Code of which some tests run once more with their buses on PostgreSQL. */
const CLIENTS_ON_POSTGRES: readonly string[] = [
  "test/claude-code/answer.test.ts",
  "test/claude-code/claude-code.test.ts",
  "test/claude-code/mod-session.test.ts",
  "test/claude-code/wake.test.ts",
];

/** These tests, by a part of the name. */
const OF_THEM: readonly string[] = [
  "answered from another terminal",
  "calls every tool and is shown each answer",
  "a message during a turn",
  "the mod says which session calls",
  "messages wakes the idle session",
  "goes on with the answer of that session's agent",
  "at its next tool use",
  "through /clear the session",
];

/** What `npm test` leaves out. */
export const LONG: readonly string[] = [
  ...ALONE,
  ...WAITING,
  ...IN_PAIRS,
  ...IN_BROWSERS,
  ...IN_THREES,
  ...SLOW,
];

/** One run of `bun test`: a name, which is printed with its time, and its arguments. */
export interface Run {
  name: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Leaves the processors to the run after it, which it runs beside. */
  waits?: true;
}

const ENGINE = { AEB_TEST_ENGINE: "postgres" } as const;

/** Two cores are busy with six: a test that starts programs waits for them most of its time. */
const SIDE_BY_SIDE = "--parallel=6";

const EVERYDAY: Run = {
  name: "everyday",
  args: [SIDE_BY_SIDE, ...LONG.map((file) => `--path-ignore-patterns=${file}`)],
};

export function runsOf(args: readonly string[]): Run[] {
  const alone = ALONE.map((file): Run => ({ name: file, args: [file] }));
  const long: Run[] = [
    { name: "slow", args: [SIDE_BY_SIDE, ...SLOW] },
    { name: "in threes", args: ["--parallel=3", ...IN_THREES] },
    { name: "waiting", args: ["--parallel=3", ...WAITING], waits: true },
    { name: "in pairs", args: ["--parallel=2", ...IN_PAIRS] },
    { name: "in browsers", args: ["--parallel=2", ...IN_BROWSERS] },
    // In one process, which has one server.
    { name: "on PostgreSQL", args: ON_POSTGRES, env: ENGINE },
    {
      name: "clients on PostgreSQL",
      args: ["--parallel=3", `--test-name-pattern=${OF_THEM.join("|")}`, ...CLIENTS_ON_POSTGRES],
      env: ENGINE,
    },
    ...alone,
  ];
  switch (args.join(" ")) {
    case "":
      return [EVERYDAY];
    case "--all":
      return [EVERYDAY, ...long];
    case "--long":
      return long;
    default:
      return [{ name: args.join(" "), args }];
  }
}

/** Runs `bun test` in a folder, once per run, one after the other, and prints how long each took. */
export async function runTests(runs: readonly Run[], folder: string): Promise<Summary> {
  const summaries: Summary[] = [];
  const took: { name: string; ms: number }[] = [];
  const timed = async (run: Run, print: (chunk: string) => void) => {
    const began = performance.now();
    summaries.push(await runOnce(run, folder, print));
    took.push({ name: run.name, ms: performance.now() - began });
  };
  /** Its output comes in one piece, once it has ended. */
  const held = async (run: Run) => {
    let output = "";
    await timed(run, (chunk) => {
      output += chunk;
    });
    return output;
  };
  const beside: Promise<string>[] = [];
  for (const run of runs) {
    // Two runs would write the file of times at once.
    if (run.waits && process.env.TIMES !== "write") {
      beside.push(held(run));
      continue;
    }
    await timed(run, (chunk) => process.stdout.write(chunk));
    for (const output of await Promise.all(beside.splice(0))) process.stdout.write(output);
  }
  for (const output of await Promise.all(beside)) process.stdout.write(output);
  const line = ({ name, ms }: { name: string; ms: number }) => `${seconds(ms).padStart(5)} s  ${name}`;
  console.log(list("Times:", took.map(line)).join("\n"));
  return total(summaries);
}

const seconds = (ms: number) => (ms / 1_000).toFixed(0);

function timings(): string[] {
  return [`--timings=${TIMES}`, ...(process.env.TIMES === "write" ? ["--update-timings"] : [])];
}

async function runOnce(
  { name, args, env }: Run,
  folder: string,
  print: (chunk: string) => void,
): Promise<Summary> {
  // One stream, so that what a file prints stands below its name.
  const command = [
    "sh",
    "-c",
    'exec "$0" "$@" 2>&1',
    process.execPath,
    "test",
    "--timeout=60000",
    ...timings(),
    ...args,
  ];
  const tests = Bun.spawn(command, {
    cwd: folder,
    // The tests talk to this machine only, whatever proxy it has.
    env: {
      ...process.env,
      ...env,
      NO_PROXY: "127.0.0.1,localhost",
      ...(process.stdout.isTTY && { FORCE_COLOR: "1" }),
    },
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of tests.stdout) {
    const text = decoder.decode(chunk, { stream: true });
    print(text);
    output += text;
  }
  const exitCode = await tests.exited;
  if (tests.signalCode !== null) console.error(`bun test was ended by ${tests.signalCode}`);
  return summarize(Bun.stripANSI(output), exitCode, name);
}

/** Builds, tests, and ends with the line of counts. */
export async function test(args: readonly string[]): Promise<void> {
  let summary: Summary;
  try {
    await buildBinary();
    await buildNode();
    const runs = runsOf(args);
    const able = runs.filter(({ env }) => env === undefined || existsSync(POSTGRES));
    summary = await runTests(able, root);
    if (able.length < runs.length) summary.skips.push("buses on PostgreSQL, no postgres");
    if (args.length === 0) summary.skips.push(`${LONG.length} long files. To run them too: npm run test:all`);
  } catch (error) {
    console.error(error);
    summary = { passed: 0, failed: 1, skipped: 0, failures: ["the build"], skips: [] };
  }
  console.log(`\n${seconds(performance.now())} s since the start`);
  console.log(report(summary));
  process.exitCode = summary.failed === 0 ? 0 : 1;
}

if (import.meta.main) await test(process.argv.slice(2));
