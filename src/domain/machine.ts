import type { ProcessMark } from "../lib/process.ts";
import { type Place, SEEN_NOWHERE, type Session } from "./session.ts";

/** A machine, as its client states it. */
export interface Machine {
  /** For people. */
  name: string;
  /** Undefined for a client that knows only the name. */
  id: string | undefined;
  /** The client stated the id itself, so a machine with the same name and another id is another machine. */
  exact: boolean;
}

/** The machine of the bus. */
export type OwnMachine = Pick<Place, "host" | "machineId">;

/** The fields by which a client states its machine. Without any, the machine is the bus's own. */
export interface StatedMachine {
  machine?: string | undefined;
  machine_id?: string | undefined;
}

/** The machine that a client states. */
export function machineOf(own: OwnMachine, { machine, machine_id }: StatedMachine): Machine {
  const name = machine || own.host;
  if (machine_id) return { name, id: machine_id, exact: true };
  return { name, id: name === own.host ? own.machineId : undefined, exact: false };
}

/** The bus's own machine. */
export function ownMachine(own: OwnMachine): Machine {
  return machineOf(own, {});
}

/** True for the machine of the bus. */
export function isOwn({ name, id }: Machine, { host, machineId }: OwnMachine): boolean {
  return id === undefined || machineId === undefined ? name === host : id === machineId;
}

/** True if a session is one of that machine. Without an id on one side, the name decides. */
export function isOf({ machine, machine_id }: Session, { name, id, exact }: Machine): boolean {
  if (id !== undefined && machine_id === id) return true;
  return machine === name && (machine_id === null || !exact);
}

/** The client's process, as it states it. */
export interface StatedProcess {
  process?: ProcessMark | undefined;
  /** The client's PID namespace. Undefined for an older client, and without Linux. */
  namespace: string | undefined;
}

/** A bus that looks at processes. */
export type Watcher = OwnMachine & {
  pidNamespace: string | undefined;
  processExists(pid: number): boolean;
  processStart(pid: number): string | null;
};

/** The inode of the namespace that Linux starts with, on every machine. */
const FIRST_NAMESPACE = /-4026531836$/;

/**
 * Who sees the process of a registration: this machine if its bus does, otherwise `SEEN_NOWHERE`. In another PID namespace
 * the same number means another process. Processes of two such namespaces may even begin alike, so the mark names theirs.
 */
export function seenProcess(
  bus: Watcher,
  machine: Machine,
  { process, namespace }: StatedProcess,
): { seen_on: string; process?: ProcessMark | undefined } {
  const isHere =
    namespace === undefined
      ? isOwn(machine, bus) && !isMissing(bus, process)
      : namespace === bus.pidNamespace;
  if (isHere && !isHidden(bus, process)) return { seen_on: watcherId(bus), process };
  const isNested = !isHere && namespace !== undefined && !FIRST_NAMESPACE.test(namespace);
  const named = isNested && process && { ...process, started: `${process.started} ${namespace}` };
  return { seen_on: SEEN_NOWHERE, process: named || process };
}

/**
 * True if an older client, which tells no namespace, has another one. Its process lives while it registers, so the bus would
 * find it then.
 */
function isMissing({ pidNamespace, processStart }: Watcher, process: ProcessMark | undefined): boolean {
  const hasNamespaces = pidNamespace !== undefined;
  return hasNamespaces && process !== undefined && processStart(process.pid) !== process.started;
}

/** True for a process that is there, but that the system does not show to this user. */
function isHidden(bus: Watcher, process: ProcessMark | undefined): boolean {
  return process !== undefined && bus.processStart(process.pid) === null && bus.processExists(process.pid);
}

/** The value of `seen_on` for a process that this bus sees. */
export function watcherId({ host, machineId }: OwnMachine): string {
  return machineId ?? host;
}
