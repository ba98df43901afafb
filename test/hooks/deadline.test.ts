import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { tempFolder } from "../support/folder.ts";
import { AS_INSTALLED, newClient } from "../support/hooks.ts";

const NAME = "AGENT_EVENT_BUS_HOOK_TIMEOUT";
/** For starting a process on a machine that does other things too. */
const SLACK_MS = 5_000;

describe("a hook gives up on a bus that never answers", () => {
  let silent: Server;
  let url: string;
  beforeAll(async () => {
    silent = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(silent.address() as { port: number }).port}/mcp`;
  });
  afterAll(() => silent.close());

  test.each<[what: string, least: number, env: Record<string, string>, settings: string]>([
    ["after 300 ms", 300, {}, ""],
    ["after 2 s, where the environment says so", 2_000, { [NAME]: "2000" }, `${NAME}=10000`],
    ["after 2 s, where settings.env says so", 2_000, {}, `${NAME}=2000`],
    ["after 300 ms, where what is set is no time", 300, { [NAME]: "soon" }, ""],
    ["after 300 ms, where settings.env cannot be read", 300, {}, "nonsense"],
  ])("%s", async (_, least, env, settings) => {
    const home = tempFolder();
    await Bun.write(join(home, ".claude/contrib/agent-event-bus/settings.env"), settings);
    const client = newClient({ url });
    const { ms, ...ran } = await client.run("prompt", { env: { ...AS_INSTALLED, HOME: home, ...env } });
    expect(ran).toEqual({ stdout: "", stderr: "", code: 0 });
    expect(ms).toBeWithin(least, least + SLACK_MS);
  });
});
