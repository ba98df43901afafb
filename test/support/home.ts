import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessBus, startBus } from "./bus.ts";
import { cli } from "./cli.ts";
import { tempFolder } from "./folder.ts";

/** The data directory in a HOME. */
export const DATA = ".claude/contrib/agent-event-bus";

/** Starts a bus whose logs, and database unless named, are in the data directory of a HOME, under umask 000. */
export async function startAtHome(home: string, db = join(home, DATA, "data.db")): Promise<ProcessBus> {
  const umask = process.umask(0);
  try {
    return await startBus("binary", {
      folder: home,
      args: ["--db", db],
      env: { AGENT_EVENT_BUS_LOG: "", AGENT_EVENT_BUS_ERR: "" },
    });
  } finally {
    process.umask(umask);
  }
}

/** A HOME whose data directory has a file of every kind, its bus killed, all of it open to everyone. */
export async function openHome(home: string = tempFolder()): Promise<string> {
  const data = join(home, DATA);
  mkdirSync(home, { recursive: true });
  const bus = await startAtHome(home);
  await bus.call("publish_event", { event_type: "t", payload: "x" });
  await cli(["token", "create", "--name", "laptop"], { kind: "binary", env: { HOME: home } });
  await bus.kill();
  for (const name of ["log.1", "log.2", "err", "err.1"])
    writeFileSync(join(data, `agent-event-bus.${name}`), "old\n");
  for (const name of ["settings.env", "token", "data.db.backup-v5-2026-01-31"])
    writeFileSync(join(data, name), "");
  for (const name of readdirSync(data, { recursive: true }) as string[]) chmodSync(join(data, name), 0o644);
  for (const folder of [data, join(data, "data.db.tokens")]) chmodSync(folder, 0o755);
  return home;
}
