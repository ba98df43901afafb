import { MACHINE_ID_FILE, machineIdIn, machineIdLine, SYSTEM_IDS, systemId } from "../lib/machine_id.ts";
import { textOf } from "../runtime/file.ts";
import { dataDirectory, machine } from "./client.ts";

/**
 * The id of this machine, the same after its name changed. A data directory has one for each system. Two systems never share
 * one, unless a data directory was cloned together with the system's own id. Then both count as one machine until one of
 * them removes its file. Made if there was none yet. Undefined if the data directory cannot be written, or is not there and
 * `makesFolder` is false.
 */
export function machineId(folder: string = dataDirectory(), makesFolder = false): string | undefined {
  try {
    if (makesFolder) process.getBuiltinModule("node:fs").mkdirSync(folder, { recursive: true, mode: 0o700 });
    return known(folder) ?? made(folder);
  } catch {
    return undefined;
  }
}

/** The fields by which a client states this machine. Writes nothing: a machine without an id yet is stated by its name. */
export function thisMachine(): { machine: string; machine_id: string | undefined } {
  return { machine: machine(), machine_id: known(dataDirectory()) };
}

function known(folder: string): string | undefined {
  return machineIdIn(readable(`${folder}/${MACHINE_ID_FILE}`), system());
}

// Several programs may do this at once. Each appends a line, and the first one holds for all of them.
function made(folder: string): string | undefined {
  const { closeSync, constants, fstatSync, openSync, writeSync } = process.getBuiltinModule("node:fs");
  const { O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_WRONLY } = constants;
  const flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY;
  const opened = openSync(`${folder}/${MACHINE_ID_FILE}`, flags, 0o600);
  try {
    if (!fstatSync(opened).isFile()) return undefined;
    writeSync(opened, machineIdLine(system()));
  } finally {
    closeSync(opened);
  }
  return known(folder);
}

function system(): string {
  return systemId(SYSTEM_IDS.map((path) => readable(path)).find((text) => text !== "") ?? "");
}

/** A file's text. Empty if it cannot be read. */
function readable(path: string): string {
  try {
    return textOf(path) ?? "";
  } catch {
    return "";
  }
}
