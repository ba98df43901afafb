import { once } from "node:events";
import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { socketPath } from "../config/client.ts";
import type { Listening } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

/** Listening addresses that include this machine. */
const SERVED = ["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"];

/**
 * Serves the Unix socket beside the TCP port. Only this user and root can reach it, so an answer there proves whose bus it
 * is. Without a socket clients check who owns the port, so a failure is only logged.
 */
export async function openSocket(
  listening: Listening,
  host: string,
  folder: string | undefined,
  log: Log,
): Promise<void> {
  if (folder === undefined || process.platform === "win32" || !SERVED.includes(host)) return;
  const path = socketPath(listening.port, folder);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await clear(path);
    await listening.addSocket(path);
  } catch (error) {
    log.warn(`no socket at ${path}, commands use TCP: ${(error as Error).message}`);
  }
}

/** Removes the socket of a bus that was killed. @throws Error when a program answers there, or when it is not a socket. */
async function clear(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error("a file that is not a socket has this name");
  if (await isAnswered(path)) throw new Error("another bus answers there");
  unlinkSync(path);
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    // Any other error, for example a full backlog, comes from a live socket.
    return (error as NodeJS.ErrnoException).code !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
