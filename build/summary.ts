// What `bun test` printed, as counts, names of failed tests and reasons of skips.

export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  /** `file: test` of every test that failed. */
  failures: string[];
  /** `file: what was not tested, and why`. */
  skips: string[];
}

/** Reads the output of one run. A run that ended badly without a failed test counts as one failure. */
export function summarize(output: string, exitCode: number, run: string): Summary {
  const count = (word: string) => {
    const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const { failures, skips } = namesIn(output);
  const complete = exitCode === 0 && /^Ran \d+ tests? across /m.test(output);
  const died = count("fail") === 0 && !complete;
  return {
    passed: count("pass"),
    failed: died ? 1 : count("fail"),
    skipped: count("skip") + count("todo"),
    failures: died ? [...failures, `${run}: ended with ${exitCode}, although no test failed`] : failures,
    skips,
  };
}

// At the end of a long run Bun repeats what failed, without the names of the files.
const REPEATED = /^\d+ tests? (?:failed|skipped|todo):$/m;
const FILE = /^(\S+\.test\.ts):$/;
const OUTCOME = /^\((fail|skip|todo)\) (.*?)(?: \[[\d.]+ms\])?$/;
const CRASH = /^✗ (\S+) \((.*)\)$/;
const REASON = /^skipped: (.*)$/;

/** The lines of a file's tests, and what it prints, follow its name. */
function namesIn(output: string): Pick<Summary, "failures" | "skips"> {
  const failures: string[] = [];
  const reasons = new Map<string, Set<string>>();
  const skipped = new Map<string, number>();
  let file = "";
  for (const line of output.split(REPEATED, 1)[0]?.split("\n") ?? []) {
    file = FILE.exec(line)?.[1] ?? file;
    const [, outcome, name] = OUTCOME.exec(line) ?? [];
    // A hook of the file has no name.
    if (outcome === "fail")
      failures.push(`${file}: ${name === "(unnamed)" ? "beforeAll or afterAll" : name}`);
    else if (outcome !== undefined) skipped.set(file, (skipped.get(file) ?? 0) + 1);
    if (line === "# Unhandled error between tests") failures.push(`${file}: an error outside of its tests`);
    const [, crashed, how] = CRASH.exec(line) ?? [];
    if (crashed !== undefined) failures.push(`${crashed}: ${how}`);
    const reason = REASON.exec(line)?.[1];
    if (reason !== undefined) reasons.set(file, (reasons.get(file) ?? new Set()).add(reason));
  }
  const told = [...reasons].flatMap(([name, texts]) => [...texts].map((text) => `${name}: ${text}`));
  const untold = [...skipped].filter(([name]) => !reasons.has(name));
  return {
    failures,
    skips: [...told, ...untold.map(([name, many]) => `${name}: ${many} tests, no reason told`)],
  };
}

export function total(summaries: readonly Summary[]): Summary {
  const sum = (key: "passed" | "failed" | "skipped") =>
    summaries.reduce((all, summary) => all + summary[key], 0);
  return {
    ...{ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") },
    failures: summaries.flatMap(({ failures }) => failures),
    skips: summaries.flatMap(({ skips }) => skips),
  };
}

/** The end of a run: skipped tests with reasons, failed tests, counts. */
export function report({ passed, failed, skipped, failures, skips }: Summary): string {
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  const lists = [...list("Not tested:", skips), ...list("Failed:", failures)];
  return [...lists, "", counts].join("\n");
}

export function list(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", heading, ...lines.map((line) => `  ${line}`)];
}
