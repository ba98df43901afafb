import { expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Broken, Server } from "./broken.ts";
import { tempFolder } from "./folder.ts";
import type { Machine } from "./machine.ts";

/** One thing that the doctor looked at. */
export interface Finding {
  what: string;
  state: "ok" | "note" | "bad";
  found: string;
  repair?: string;
}

export interface Diagnosis {
  code: number;
  checks: Finding[];
  bad: string[];
  path?: string;
  milliseconds?: number;
  error?: string;
}

/** Runs `doctor --json` on a machine, by the name that a shell finds or another way. */
export async function diagnose(
  machine: Machine,
  env: Record<string, string> = {},
  program = "agent-event-bus",
): Promise<Diagnosis> {
  const { stdout, stderr, code } = await machine.sh(`'${program}' doctor --json`, env);
  if (!/^\{[^\n]+\}\n$/.test(stdout)) throw new Error(`no document: ${stdout}${stderr}`);
  const result = JSON.parse(stdout);
  const bad = result.checks.filter(({ state }: Finding) => state === "bad").map(({ what }: Finding) => what);
  return { ...result, code, bad };
}

/** Finds nothing wrong, and says how long the message took. */
export async function expectWell(machine: Machine, env: Record<string, string> = {}): Promise<Diagnosis> {
  const diagnosis = await diagnose(machine, env);
  expect(diagnosis.checks.filter(({ state }) => state === "bad")).toEqual([]);
  expect([diagnosis.code, diagnosis.error]).toEqual([0, undefined]);
  expect(diagnosis.path).toMatch(/^CLI → http\S+ → .+ → session \S+$/);
  expect(diagnosis.milliseconds).toBeGreaterThan(0);
  return diagnosis;
}

/** Breaks something, and expects the doctor to find it and to say what mends it. */
export async function expectFound(machine: Machine, server: Server, row: Broken): Promise<void> {
  await row.break(server);
  const { checks, bad, code, error } = await diagnose(machine);
  expect(bad).toEqual([...row.bad]);
  expect([code, error]).toEqual([1, `${bad.length} of ${checks.length} checks found a problem.`]);
  const finding = checks.find(({ found, state }) => state === "bad" && row.says.test(found));
  expect(`${finding?.found}\n${finding?.repair}`).toMatch(row.says);
  expect(finding?.repair).toMatch(row.repair);
  if (row.mend !== undefined) await row.mend(server);
  else {
    const repaired = await machine.sh(finding?.repair ?? "false", row.env);
    expect([repaired.code, repaired.stderr]).toEqual([0, ""]);
  }
  await expectWell(machine);
}

/** In the place of an editor and its person: a shell command on the file, as `$file`. */
export function editor(command: string): Record<string, string> {
  const file = join(tempFolder(), "editor");
  writeFileSync(file, `#!/bin/sh\nfor file; do :; done\n${command}\n`);
  chmodSync(file, 0o755);
  return { EDITOR: file };
}
