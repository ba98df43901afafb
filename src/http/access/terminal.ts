import { PROCESS_HEADER } from "../../config/client.ts";
import { markIn } from "../../lib/agent_marks.ts";
import { ancestry, hasTerminal, holdsSockets } from "../../lib/ancestry.ts";
import type { Peer } from "../../runtime/runtime.ts";
import { socketsOf } from "./peer_sockets.ts";

/**
 * The process of a command in a terminal, and those that started it, nearest first. The process must hold the connection, and
 * have a terminal as stdin and stdout. Undefined if it does not, or if one in the line has an agent's mark. Linux only.
 */
export async function terminalOf(headers: Headers, peer: Peer | undefined): Promise<number[] | undefined> {
  const pid = Number(headers.get(PROCESS_HEADER));
  if (peer === undefined || !Number.isSafeInteger(pid) || pid <= 1 || !hasTerminal(pid)) return undefined;
  const line = ancestry(pid);
  if (markIn(line) !== undefined || line[0]?.variables === undefined) return undefined;
  return holdsSockets(pid, [...(await socketsOf(peer)).keys()]) ? line.map(({ pid }) => pid) : undefined;
}
