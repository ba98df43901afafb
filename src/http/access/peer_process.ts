import { networkInterfaces } from "node:os";
import type { PeerProcess } from "../../domain/caller.ts";
import { markIn } from "../../lib/agent_marks.ts";
import { ancestry, holdersOf } from "../../lib/ancestry.ts";
import { isLoopback } from "../../lib/loopback.ts";
import type { Peer } from "../../runtime/runtime.ts";
import { socketsOf } from "./peer_sockets.ts";

/** The process at the other end of a connection, by the system's own tables and not by what the peer says. Linux only. */
export async function processOf(peer: Peer | undefined): Promise<PeerProcess> {
  if (peer === undefined) return { line: [], unseen: "hidden" };
  if (process.platform !== "linux")
    return { line: [], unseen: isOfThisMachine(peer) ? "unsupported" : "elsewhere" };
  const sockets = await socketsOf(peer);
  if (sockets.size === 0) return { line: [], unseen: isOfThisMachine(peer) ? "hidden" : "elsewhere" };
  const lines = (await holdersOf([...sockets.keys()])).map((pid) => ancestry(pid));
  const line = [...new Set(lines.flatMap((some) => some.map(({ pid }) => pid)))];
  const users = [...new Set(sockets.values())];
  const [user, ...others] = users;
  const owner = user === undefined || others.length > 0 ? {} : { user };
  if (line.length === 0) return { line, unseen: isOfOthers(users) ? "other_user" : "hidden", ...owner };
  const mark = markIn(lines.flat());
  return { line, ...(mark !== undefined && { mark }), ...owner };
}

/** True for a proxy of root, for example. Agents run as this user. */
function isOfOthers(users: readonly number[]): boolean {
  return users.every((uid) => uid !== process.getuid?.());
}

/** True for every address of this machine. A program here may connect by the address that other machines use. */
function isOfThisMachine({ address }: Peer): boolean {
  const bare = address.split("%")[0];
  const own = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return isLoopback(address) || own.some((one) => one.address === bare);
}
