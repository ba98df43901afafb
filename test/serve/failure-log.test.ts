import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { tempFolder } from "../support/folder.ts";
import { serveUntilExit } from "../support/serve.ts";

/** What a service manager that starts `serve` again and again leaves in the log and in the file of details. */
async function told(folder: string, args: readonly string[] = []): Promise<{ log: string[]; err: string }> {
  expect((await serveUntilExit({ folder, args })).code).toBeGreaterThan(0);
  const log = readFileSync(join(folder, "bus.log"), "utf8").trimEnd().split("\n");
  return { log, err: readFileSync(join(folder, "bus.err"), "utf8") };
}

test("a port that is taken is logged once, however often the bus is started; what comes between counts", async () => {
  const folder = tempFolder();
  const stranger = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => stranger.once("listening", resolve));
  const { port } = stranger.address() as { port: number };
  const args = ["--port", String(port), "--db", join(folder, "data.db")];
  const first = await told(folder, args);
  expect(first.log).toHaveLength(1);
  expect(first.log[0]).toContain(` error The port ${port} on 127.0.0.1 is taken`);
  expect(await told(folder, args)).toEqual(first);
  writeFileSync(join(folder, "bus.log"), `${first.log[0]}\n2026-01-31T08:00:00.000Z info  listening\n`);
  expect((await told(folder, args)).log).toHaveLength(3);
  stranger.close();
});

test("a setting that cannot be used is logged too, once for each cause", async () => {
  const folder = tempFolder();
  const data = join(folder, ".claude/contrib/agent-event-bus");
  mkdirSync(data, { recursive: true });
  const set = (line: string) => writeFileSync(join(data, "settings.env"), `${line}\n`);
  set("PORT=many");
  const first = await told(folder);
  expect(first.log).toHaveLength(1);
  expect(first.log[0]).toContain('error The port "many" is not a number');
  expect(await told(folder)).toEqual(first);
  set("no setting");
  expect((await told(folder)).log[1]).toContain('line 1: "no setting" is not KEY=VALUE.');
});
