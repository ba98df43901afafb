// Records which functions of the program everyday commands run. Their bytecode then lies together in the executable, so that such a
// command loads less of the file.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** By the names of their records, the most frequent first. The server is left out: what it runs depends on the moment. */
const COMMANDS = {
  prompt: ["hook", "prompt"],
  publish: ["publish", "--type", "note", "--payload", "hello"],
  events: ["events", "--resume", "--session-id", "build"],
  sessions: ["sessions"],
  help: ["--help"],
};

/** Runs `use` with the records of a program that was built without them. None if it does not run here. */
export async function withStarts<T>(
  program: string,
  use: (records: readonly string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "agent-event-bus-starts-"));
  try {
    await runIn(folder, program);
    const records = Object.keys(COMMANDS)
      .map((name) => join(folder, name))
      .filter(existsSync);
    for (const record of records) writeFileSync(record, sorted(readFileSync(record, "utf8")));
    return await use(records);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sorts the functions and the strings of a record. Their order differs from run to run, and two builds shall be the same. */
function sorted(record: string): string {
  return record.replace(/^([FS]) .*\n(?:\1 .*\n)*/gm, (lines) => lines.split(/^/m).sort().join(""));
}

async function runIn(folder: string, program: string): Promise<void> {
  const options = { cwd: folder, env: { HOME: folder } };
  const server = Bun.spawn([program, "serve", "--port", "0", "--json"], { ...options, stderr: "ignore" });
  const { value } = await server.stdout.getReader().read();
  const [, url] = /"url":"([^"]+)"/.exec(new TextDecoder().decode(value)) ?? [];
  if (url !== undefined)
    for (const [record, words] of Object.entries(COMMANDS))
      Bun.spawnSync([program, ...words], {
        ...options,
        env: {
          ...options.env,
          AGENT_EVENT_BUS_URL: url,
          AGENT_EVENT_BUS_HOOK_TIMEOUT: "30000",
          BUN_BYTECODE_ORDER_OUT: join(folder, record),
        },
        stdin: Buffer.from(JSON.stringify({ session_id: "build", cwd: folder })),
      });
  server.kill();
  await server.exited;
}
