import { PROCESS_HEADER } from "../../config/process_header.ts";
import { ancestry, hasTerminal, holdsSocket } from "../../lib/ancestry.ts";
import { piecesOf } from "../../runtime/file.ts";
import type { Peer } from "../../runtime/runtime.ts";

/** Variables that agents' clients give to what they start. */
const MARKS = new Set([
  "CLAUDECODE",
  "CLAUDE_CODE_SESSION_ID",
  "CLAUDE_PID",
  "CODEX_SANDBOX",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "CURSOR_AGENT",
  "OPENCODE",
  "AI_AGENT",
  "AGENT_EVENT_BUS_SESSION_ID",
]);

/**
 * The process of a command in a terminal, and those that started it, nearest first. The process must hold the connection, and
 * have a terminal as stdin and stdout. Undefined if it does not, or if one in the line has an agent's mark. Linux only.
 */
export async function terminalOf(headers: Headers, peer: Peer | undefined): Promise<number[] | undefined> {
  const pid = Number(headers.get(PROCESS_HEADER));
  if (peer === undefined || !Number.isSafeInteger(pid) || pid <= 1 || !hasTerminal(pid)) return undefined;
  const line = ancestry(pid);
  const isMarked = line.some(({ variables = [] }) => variables.some((name) => MARKS.has(name)));
  if (isMarked || line[0]?.variables === undefined) return undefined;
  const inode = await inodeOf(peer);
  return inode !== undefined && holdsSocket(pid, inode) ? line.map(({ pid }) => pid) : undefined;
}

const ESTABLISHED = "01";

/** The inode of a peer's end of a connection on this machine. */
async function inodeOf({ address, port }: Peer): Promise<string | undefined> {
  const number = port.toString(16).toUpperCase().padStart(4, "0");
  const tables = address.includes(":") ? ["tcp6"] : ["tcp", "tcp6"];
  for (const table of tables) {
    let rest = "";
    for await (const piece of piecesOf(`/proc/net/${table}`)) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
        if (state === ESTABLISHED && LOOPBACK.test(local) && local.endsWith(`:${number}`)) return inode;
      }
    }
  }
  return undefined;
}

/** 127.0.0.0/8, ::1, and IPv4 addresses mapped to IPv6, as the kernel writes them. */
const LOOPBACK = /^([0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F):/;
