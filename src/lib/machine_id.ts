/** Where a system keeps the id that it was installed with. Other systems have no such file. */
export const SYSTEM_IDS = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/** Name of the file in the data directory that holds the machine's id. */
export const MACHINE_ID_FILE = "machine-id";

/** The system of a line that holds for every system, because this one tells no id. */
const ANY = "-";

/** A system's id from the text of its file, as the data directory keeps it. */
export function systemId(text: string): string {
  return /^[0-9a-f]{32}$/.exec(text.trim())?.[0] ?? ANY;
}

/**
 * The machine's id among the lines of a data directory's file, each `ID SYSTEM`. The first line of this system decides. A
 * folder that was copied to another system, or is shared with one, has a line for each. Undefined if there is no such line.
 */
export function machineIdIn(lines: string, system: string): string | undefined {
  for (const line of lines.split("\n")) {
    const [, id, of] = /^([0-9a-f-]{36}) ([0-9a-f]{32}|-)$/.exec(line.trim()) ?? [];
    if (of === system) return id;
  }
  return undefined;
}

/** A new line for a system. */
export function machineIdLine(system: string): string {
  return `${crypto.randomUUID()} ${system}\n`;
}
