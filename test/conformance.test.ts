import { expect, test } from "bun:test";
import { join } from "node:path";
import { operations } from "../src/operations/index.ts";
import { type Operation, operation } from "../src/operations/operation.ts";
import { root, startBus, startHere } from "./support/bus.ts";

const suite = join(root, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const baseline = join(root, "test/support/conformance-baseline.yml");

/** Scenarios about what the bus declares or always does. */
const APPLY = [
  "server-initialize",
  "ping",
  "tools-list",
  "resources-list",
  "server-sse-multiple-streams",
  "dns-rebinding-protection",
];

interface Report {
  exitCode: number;
  output: string;
  passed: string[];
  expected: string[];
}

async function conform(url: string, ...args: string[]): Promise<Report> {
  const child = Bun.spawn([process.execPath, suite, "server", "--url", url, ...args], {
    stdin: "ignore",
    stderr: "inherit",
  });
  const output = Bun.stripANSI(await new Response(child.stdout).text());
  const summary = output.slice(output.indexOf("=== SUMMARY ==="));
  return {
    exitCode: await child.exited,
    output,
    passed: names(summary, /^✓ ([\w-]+): \d+ passed, 0 failed$/gm),
    expected: names(summary, /^ {2}~ ([\w-]+)$/gm),
  };
}

function names(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => String(match[1]));
}

test("the bus passes the MCP conformance suite where it applies", async () => {
  const bus = await startBus("binary");
  const report = await conform(bus.url, "--expected-failures", baseline);
  console.log(
    `MCP conformance: ${report.passed.length} scenarios passed, ${report.expected.length} expected failures`,
  );
  if (report.exitCode !== 0) throw new Error(report.output.slice(report.output.indexOf("=== SUMMARY ===")));
  expect(report.passed).toEqual(expect.arrayContaining(APPLY));
  expect(report.passed.length + report.expected.length).toBe(30);
});

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

test("an operation's answer, error and progress pass the suite's scenarios for tools", async () => {
  const fixtures = FIXTURES.map(([, name, run]) =>
    operation({ name, about: name, effect: "reads", params: {}, commands: [], run, print() {} }),
  );
  const bus = await startHere({ operations: [...operations, ...fixtures] });
  for (const [scenario] of FIXTURES) {
    const { exitCode, output } = await conform(bus.url, "--scenario", scenario);
    if (exitCode !== 0) throw new Error(output);
  }
});
