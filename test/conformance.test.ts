import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { operations } from "../src/operations/index.ts";
import { type Operation, operation } from "../src/operations/operation.ts";
import { root, startBus, startHere } from "./support/bus.ts";
import { tempFolder } from "./support/folder.ts";

const MODERN = "2026-07-28";

/** A suite, the scenarios that the bus is expected to fail, and those about what it declares or always does. */
interface Suite {
  file: string;
  version: string;
  args: readonly string[];
  baseline: string;
  scenarios: number;
  /** Scenarios that fail and do not count: extensions, and those that the suite's own server does not pass yet. */
  unscored: readonly string[];
  apply: readonly string[];
}

const task = (name: string) => `tasks-${name}`;
const BOTH = ["tools-list", "resources-list", "server-sse-multiple-streams", "dns-rebinding-protection"];
const SUITES: Readonly<Record<string, Suite>> = {
  "2025-11-25": {
    file: "@modelcontextprotocol/conformance",
    version: "0.1.16",
    args: [],
    baseline: "conformance-baseline.yml",
    scenarios: 30,
    unscored: [],
    apply: [...BOTH, "server-initialize", "ping"],
  },
  [MODERN]: {
    file: "conformance-2026",
    version: "0.2.0-alpha.12",
    args: ["--requirements", MODERN],
    baseline: "conformance-2026-baseline.yml",
    scenarios: 50,
    unscored: [
      ...["lifecycle", "capability-negotiation", "wire-fields", "request-state-removal", "mrtr-input"].map(
        task,
      ),
      ...["request-headers", "dispatch-and-envelope", "required-task-error", "mrtr-composition"].map(task),
      ...["json-schema-2020-12", "http-custom-header-server-validation"],
    ],
    apply: [
      ...BOTH,
      ...["http-header-validation", "sep-2164-resource-not-found"],
      ...["input-required-result-validate-input", "input-required-result-unsupported-methods"],
    ],
  },
};

interface Report {
  exitCode: number;
  output: string;
  run: string[];
  passed: string[];
  expected: string[];
}

async function conform({ file }: Suite, url: string, ...args: readonly string[]): Promise<Report> {
  const program = join(root, "node_modules", file, "dist/index.js");
  const child = Bun.spawn([process.execPath, program, "server", "--url", url, ...args], {
    cwd: tempFolder(),
    stdin: "ignore",
    stderr: "inherit",
  });
  const output = Bun.stripANSI(await new Response(child.stdout).text());
  const summary = output.slice(output.indexOf("=== SUMMARY ==="));
  return {
    exitCode: await child.exited,
    output,
    run: names(summary, /^[✓✗] ([\w-]+): \d+ passed, \d+ failed$/gm),
    passed: names(summary, /^✓ ([\w-]+): \d+ passed, 0 failed$/gm),
    expected: names(summary, /^ {2}~ ([\w-]+)(?::[\w-]+)?$/gm),
  };
}

function names(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => String(match[1]));
}

test.each(Object.entries(SUITES))(
  "the bus passes the suite of MCP %s where it applies",
  async (revision, suite) => {
    const bus = await startBus("binary");
    const baseline = join(root, "test/support", suite.baseline);
    const report = await conform(suite, bus.url, ...suite.args, "--expected-failures", baseline);
    const { scenarios, unscored, apply } = suite;
    const { exitCode, output, run, passed } = report;
    const expected = new Set(report.expected);
    const well = passed.filter((name) => !expected.has(name));
    console.log(
      `MCP conformance ${revision}: ${well.length} scenarios passed, ${expected.size} expected failures`,
    );
    if (exitCode !== 0) throw new Error(output.slice(output.indexOf("=== SUMMARY ===")));
    expect(well).toEqual(expect.arrayContaining([...apply]));
    expect(run.filter((name) => !well.includes(name) && !expected.has(name)).sort()).toEqual(
      [...unscored].sort(),
    );
    expect(run.length).toBe(scenarios);
    const counts = [well.length, expected.size, unscored.length].join(" | ");
    const page = readFileSync(join(root, "docs/mcp.md"), "utf8");
    expect(page).toContain(`| ${suite.version}, MCP ${revision} | ${counts} |`);
  },
);

const reportProgress: Operation["run"] = async (_bus, _args, call) => {
  for (const percent of [0, 50, 100]) call.progress(percent, 100);
  return {};
};

// The suite's own tools, as far as an operation can be one: what a handler answers, throws and reports reaches a client.
const FIXTURES: readonly (readonly [scenario: string, tool: string, run: Operation["run"]])[] = [
  ["tools-call-simple-text", "test_simple_text", async () => ({ text: "simple" })],
  ["tools-call-error", "test_error_handling", () => Promise.reject(new Error("on purpose"))],
  ["tools-call-with-progress", "test_tool_with_progress", reportProgress],
];

test.each(Object.entries(SUITES))(
  "an operation's answer, error and progress pass the scenarios for tools of MCP %s",
  async (revision, suite) => {
    const fixtures = FIXTURES.map(([, name, run]) =>
      operation({ name, about: name, effect: "reads", params: {}, commands: [], run, print() {} }),
    );
    const bus = await startHere({ operations: [...operations, ...fixtures] });
    const version = revision === MODERN ? ["--spec-version", revision] : [];
    for (const [scenario] of FIXTURES) {
      const { exitCode, output } = await conform(suite, bus.url, "--scenario", scenario, ...version);
      if (exitCode !== 0) throw new Error(output);
    }
  },
);
