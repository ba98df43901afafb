import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hooks } from "../../src/install/checks/claude.ts";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import { claudeVersion, type Waiting, waitingOf } from "../../src/install/claude_version.ts";
import { hooksStep, lookAtHooks } from "../../src/install/hooks.ts";
import { BINARY, place } from "../support/claude_settings.ts";

test.each<[version: string, waiting: Waiting]>([
  ["1.0.128", "none"],
  ["2.0.76", "none"],
  ["2.1.14", "none"],
  ["2.1.63", "none"],
  // This release knew asyncRewake, but the next three did not.
  ["2.1.64", "none"],
  ["2.1.68", "none"],
  ["2.1.69", "named"],
  ["2.1.72", "named"],
  ["2.1.212", "named"],
  ["2.1.213", "plain"],
  ["2.1.330", "plain"],
  ["3.0.0", "plain"],
])("the hook that waits is installed for Claude Code %s: %s", (version, waiting) => {
  expect(waitingOf(version)).toBe(waiting);
});

/** A HOME whose command `claude` says this of its version. */
function withClaude(says: string) {
  const here = place("{}");
  const bin = join(here.home, "claude-bin");
  mkdirSync(bin);
  const upgrade = (text: string) => {
    writeFileSync(join(bin, "claude"), `#!/bin/sh\n[ "$*" = --version ] && ${text}\n`);
    chmodSync(join(bin, "claude"), 0o755);
  };
  upgrade(says);
  const config = { ...here.config, path: [bin], bin, env: { PATH: "/usr/bin:/bin" } };
  const install = async () => {
    const plan = await hooksStep(config, here.journal(), BINARY).plan();
    if (plan.state === "planned") await plan.apply();
    return plan;
  };
  const look = async () => lookAtHooks(config, BINARY, await claudeVersion(config));
  const doctor = () => hooks.look({ ...placeOf(), config, fittingHooks: look, install: "INSTALL" } as Place);
  const waits = () =>
    Object.values(JSON.parse(here.held()).hooks as Record<string, { hooks: { command: string }[] }[]>)
      .flatMap((groups) => groups.flatMap((group) => group.hooks))
      .map(({ command }) => command)
      .filter((command) => command.includes("hook wait"));
  return { ...here, config, upgrade, install, doctor, waits };
}

const OLD = "echo '2.1.63 (Claude Code)'";
const NAMED = `cd /; exec ${BINARY} hook wait --pid "$PPID"`;

test.each<[says: string, commands: string[]]>([
  [OLD, []],
  ["echo '2.1.72 (Claude Code)'", Array(3).fill(NAMED)],
  ["echo '2.1.330 (Claude Code)'", Array(3).fill(`cd /; exec ${BINARY} hook wait`)],
  ["echo unknown", Array(3).fill(`cd /; exec ${BINARY} hook wait`)],
  ["exit 3", Array(3).fill(`cd /; exec ${BINARY} hook wait`)],
])("with a client that answers %j, install writes these waiters: %j", async (says, commands) => {
  const { install, waits, doctor } = withClaude(says);
  const { text } = await install();
  expect(waits()).toEqual(commands);
  expect(text.includes("so its sessions are not woken")).toBe(commands.length === 0);
  expect((await install()).state).toBe("unchanged");
  expect(await doctor()).toMatchObject({ state: commands.length === 0 ? "note" : "ok" });
});

test("a waiter that was there is taken out for an old client, and the doctor says why and what to do", async () => {
  const { upgrade, install, doctor, waits } = withClaude("echo '2.1.330 (Claude Code)'");
  await install();
  upgrade(OLD);
  expect(await doctor()).toMatchObject({
    state: "bad",
    found: expect.stringContaining("Claude Code 2.1.63 would hang on the hook that waits"),
    repair: "INSTALL",
  });
  await install();
  expect(waits()).toEqual([]);
  expect(await doctor()).toMatchObject({
    state: "note",
    found: expect.stringContaining("Update it to 2.1.69 or later (claude update), then: INSTALL"),
  });
});

test("after an update of the client the doctor says that its sessions could be woken now", async () => {
  const { upgrade, install, doctor, waits } = withClaude(OLD);
  await install();
  upgrade("echo '2.1.330 (Claude Code)'");
  expect(await doctor()).toMatchObject({
    state: "bad",
    found: expect.stringContaining("SessionStart: hook wait, UserPromptSubmit: hook wait, Stop: hook wait"),
    repair: "INSTALL",
  });
  await install();
  expect(waits()).toHaveLength(3);
  expect(await doctor()).toMatchObject({ state: "ok" });
});

test("a waiter that names the process stays when the client is updated or unknown", async () => {
  const { upgrade, install, doctor, waits } = withClaude("echo '2.1.72 (Claude Code)'");
  await install();
  for (const says of ["echo '2.1.330 (Claude Code)'", "exit 1"]) {
    upgrade(says);
    expect((await install()).state).toBe("unchanged");
    expect(await doctor()).toMatchObject({ state: "ok" });
  }
  expect(waits()).toEqual(Array(3).fill(NAMED));
});

test("the shell of a hook puts the client's process in", async () => {
  const line = `printf %s ${NAMED.replace(`cd /; exec ${BINARY}`, "").replace(" hook wait", "")}`;
  const { stdout } = Bun.spawnSync(["sh", "-c", line]);
  expect(stdout.toString()).toBe(`--pid${process.pid}`);
});
