import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestBus } from "./bus.ts";
import { tempFolder } from "./folder.ts";
import { type HookProcess, newClient, spawnHook, startClient } from "./hooks.ts";
import { eventually } from "./webhook.ts";

const PATIENCE_MS = 30_000;
/** What a client's hook is told of a tool that asks. */
export const PERMISSION = { tool_name: "Write", tool_input: { file_path: "/tmp/x", content: "secret" } };

/** A client that tells in a file of its own what it does. It is at work. */
export async function clientAtWork(at: TestBus, registered = true) {
  const client = registered ? await startClient(at) : newClient(at);
  const folder = tempFolder();
  const file = join(folder, "sessions", `${client.pid}.json`);
  mkdirSync(join(folder, "sessions"));
  const tell = (status: string, sessionId = client.id) =>
    writeFileSync(file, JSON.stringify({ sessionId, status, statusUpdatedAt: Date.now() }));
  tell("busy");
  const transcript_path = join(folder, "projects/-home-me/1.jsonl");
  const hook = async (
    name: string,
    more: object = {},
    env: Record<string, string> = {},
    url = at.url,
    args: readonly string[] = [],
  ) => {
    const child = await spawnHook(name, {
      ...{ url, cwd: client.cwd, args },
      env: { CLAUDE_PID: String(client.pid), CLAUDE_CODE_ENTRYPOINT: "cli", ...env },
    });
    const input = { session_id: client.id, cwd: client.cwd, transcript_path, ...more };
    child.stdin.write(JSON.stringify(input));
    await child.stdin.end();
    return child;
  };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  const listed = async (): Promise<any> =>
    (await at.call("list_sessions")).result.find((one: { client_id: string }) => one.client_id === client.id);
  const comesTo = (state: string | undefined) =>
    eventually(`it is ${state}`, async () => (await listed())?.state === state, PATIENCE_MS);
  /** Shows a dialog and runs the hook of it. */
  const ask = async (more: object = PERMISSION): Promise<HookProcess> => {
    tell("waiting");
    const child = await hook("permission", more);
    await comesTo("waiting");
    return child;
  };
  return {
    client,
    tell,
    hook,
    listed,
    comesTo,
    ask,
    hide: () => rmSync(file),
    tear: () => writeFileSync(file, '{"status":"wai'),
  };
}
