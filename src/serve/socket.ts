import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { socketPath } from "../config/client.ts";
import type { Listening } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

/** Addresses that a command asks by the socket: this machine's own, and those that include it. */
const SERVED = ["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"];

/**
 * Serves the Unix socket beside the TCP port. Only this user and root can reach it, so a client that gets an answer there
 * knows whose bus it is. Without it clients check who owns the port, so a failure is only logged.
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

/** Removes the socket of a bus that was killed. Throws Error if a program answers there, or if it is not a socket. */
async function clear(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error("a file that is not a socket has this name");
  if (await isAnswered(path)) throw new Error("another bus answers there");
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => end(true));
    // Any other error, a full backlog for one, comes from a socket that is alive.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => end(code !== "ECONNREFUSED"));
  });
}
