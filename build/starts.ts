// Records which functions of the program its usual starts run. Their bytecode then lies together in the executable, so that a start
// loads less of the file.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The usual starts beside the server's, by the name of their record. */
const COMMANDS = {
  prompt: ["hook", "prompt"],
  publish: ["publish", "--type", "note", "--payload", "hello"],
  events: ["events", "--resume", "--session-id", "build"],
  sessions: ["sessions"],
  help: ["--help"],
};

/** Runs `use` with the records of a program built without them, the commonest start first. */
export async function withStarts<T>(
  program: string,
  use: (records: readonly string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "agent-event-bus-starts-"));
  try {
    await runIn(folder, program);
    // A program that is killed leaves no record, as the server on Windows.
    const records = [...Object.keys(COMMANDS), "serve"].map((name) => join(folder, name)).filter(existsSync);
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
  const env = (record: string) => ({ HOME: folder, BUN_BYTECODE_ORDER_OUT: join(folder, record) });
  const server = Bun.spawn([program, "serve", "--port", "0", "--json"], { cwd: folder, env: env("serve") });
  const { value } = await server.stdout.getReader().read();
  if (value === undefined) throw new Error("the program that was just built does not start");
  const { url } = JSON.parse(new TextDecoder().decode(value));
  for (const [record, words] of Object.entries(COMMANDS))
    Bun.spawnSync([program, ...words], {
      cwd: folder,
      env: { ...env(record), AGENT_EVENT_BUS_URL: url },
      stdin: Buffer.from(JSON.stringify({ session_id: "build", cwd: folder })),
    });
  server.kill();
  await server.exited;
}
