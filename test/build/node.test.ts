import { expect, test } from "bun:test";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { node24 } from "../../build/node24.ts";
import manifest from "../../package.json" with { type: "json" };
import { nodeBundle } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";

test("the file for Node holds nothing of Bun's", () => {
  const program = readFileSync(nodeBundle, "utf8");
  expect(program).toStartWith("#!/usr/bin/env node\n");
  expect(program).not.toContain("bun:sqlite");
});

test("the file for Node runs alone: the version, and a server that answers and stops", async () => {
  const folder = tempFolder();
  const file = join(folder, "agent-event-bus.mjs");
  copyFileSync(nodeBundle, file);
  const node = await node24();
  const options = { cwd: folder, env: { HOME: folder, PATH: "" } };
  const version = Bun.spawnSync([node, file, "--version"], options);
  expect(version.stdout.toString()).toBe(`${manifest.version}\n`);

  const server = Bun.spawn([node, file, "serve", "--port", "0"], { ...options, stderr: "inherit" });
  const { value } = await server.stdout.getReader().read();
  const url = /http:\S+(?=\/mcp)/.exec(new TextDecoder().decode(value))?.[0];
  const health = await fetch(`${url}/health`);
  expect(await health.json()).toMatchObject({ status: "ok", version: manifest.version });
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
});
