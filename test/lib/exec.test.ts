import { expect, test } from "bun:test";
import { installConfig } from "../../src/config/client.ts";
import { run } from "../../src/lib/exec.ts";

const config = installConfig({ PATH: process.env.PATH });

test("a program that takes too long is ended, also when what it started goes on", async () => {
  const { code, stdout, stderr } = await run(["sh", "-c", "echo begun; sleep 60; echo done"], config, 300);
  expect([code, stdout, stderr]).toEqual([128, "begun\n", "did not finish within 0.3 s"]);
});

test("a program that somebody else ends says so", async () => {
  const { code, stderr } = await run(["sh", "-c", "kill -KILL $$"], config);
  expect([code, stderr]).toEqual([128, "ended by SIGKILL"]);
});
