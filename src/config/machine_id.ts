import { MACHINE_ID_FILE, machineIdIn, machineIdLine, SYSTEM_IDS, systemId } from "../lib/machine_id.ts";
import { textOf } from "../runtime/file.ts";
import { dataDirectory } from "./client.ts";

/**
 * The id of this machine, the same after its name changed. It is made once in a data directory for a system. Two systems
 * never share one, unless a data directory was cloned together with the system's own id. Then both count as one machine
 * until one of them removes its file. Undefined if there is no data directory, or it cannot be written.
 */
export function machineId(folder: string = dataDirectory(), makesFolder = false): string | undefined {
  const file = `${folder}/${MACHINE_ID_FILE}`;
  try {
    if (makesFolder) process.getBuiltinModule("node:fs").mkdirSync(folder, { recursive: true, mode: 0o700 });
    const system = systemId(SYSTEM_IDS.map((path) => readable(path)).find((text) => text !== "") ?? "");
    return machineIdIn(readable(file), system) ?? made(file, system);
  } catch {
    return undefined;
  }
}

// Several programs may do this at once. Each appends a line, and the first one holds for all of them.
function made(file: string, system: string): string | undefined {
  const { closeSync, constants, fstatSync, openSync, writeSync } = process.getBuiltinModule("node:fs");
  const { O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_WRONLY } = constants;
  const opened = openSync(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY, 0o600);
  try {
    if (!fstatSync(opened).isFile()) return undefined;
    writeSync(opened, machineIdLine(system));
  } finally {
    closeSync(opened);
  }
  return machineIdIn(readable(file), system);
}

/** A file's text. Empty if it cannot be read. */
function readable(path: string): string {
  try {
    return textOf(path) ?? "";
  } catch {
    return "";
  }
}
