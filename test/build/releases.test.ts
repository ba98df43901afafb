import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { root } from "../support/bus.ts";

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
}

interface Workflow {
  name: string;
  on: unknown;
  permissions: Record<string, string>;
  jobs: Record<string, { permissions: Record<string, string>; steps: Step[] }>;
}

const workflow = Bun.YAML.parse(
  readFileSync(join(root, ".github/workflows/releases.yml"), "utf8"),
) as Workflow;
const steps = workflow.jobs.release?.steps ?? [];

test("the workflow is called Releases, runs for version tags, and only its job may write, and only releases", () => {
  expect([workflow.name, workflow.on, workflow.permissions]).toEqual([
    "Releases",
    { push: { tags: ["v*"] } },
    {},
  ]);
  expect(Object.values(workflow.jobs).map(({ permissions }) => permissions)).toEqual([{ contents: "write" }]);
  expect(steps.map(({ env }) => "GH_TOKEN" in (env ?? {})).indexOf(true)).toBe(steps.length - 1);
});

test("what it runs is there", () => {
  const scripts = steps.map(({ run = "" }) => run).join("\n");
  const named = [...scripts.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name);
  expect(named).toEqual(["build:all"]);
  expect(Object.keys(manifest.scripts)).toContain("build:all");
  expect(scripts).toContain(".ci/run");
  expect(scripts).toContain("./agent-event-bus-linux-x64 --version");
  expect(readFileSync(join(root, "build/binary.ts"), "utf8")).toMatch(/"linux-x64"[\s\S]*SHA256SUMS/);
});

describe("a tag", () => {
  const script = steps.find(({ name }) => name?.startsWith("The tag"))?.run ?? "exit 9";
  const check = (tag: string) => {
    const { stdout, exitCode } = Bun.spawnSync(["bash", "-eo", "pipefail", "-c", script], {
      cwd: root,
      env: { PATH: process.env.PATH ?? "", GITHUB_REF_NAME: tag },
    });
    return [exitCode, stdout.toString()];
  };

  test("of another version ends the workflow with a sentence", () => {
    if (Bun.which("node") === null) return console.log("skipped: there is no Node here");
    expect(check(`v${manifest.version}`)).toEqual([0, ""]);
    for (const tag of ["v9.9.9", manifest.version, `v${manifest.version}-rc.1`, "v"])
      expect(check(tag)).toEqual([
        1,
        `::error::The tag is ${tag}, package.json says v${manifest.version}. Set its version, commit, and tag that commit.\n`,
      ]);
  });
});
