import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { busUrl, environment, settingsFile } from "../config/client.ts";
import { logFiles } from "../config/server.ts";
import { type Desk, UsageError } from "../lib/command.ts";
import { onInterrupt } from "../lib/interrupt.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { Follower, lastLines } from "../lib/tail.ts";

const AGAIN_MS = 200;

/** Shows the end of the bus's log, and follows it until Ctrl-C. @throws Error with a sentence when there is no log. */
export async function logs(args: Json, desk: Desk): Promise<Json> {
  const { log: file } = logFiles(environment, settingsFile());
  const count = Number(args.lines);
  if (args.follow !== true) {
    if (!isThere(file)) throw new Error(`There is no log at ${file} yet. ${whereElse()}`);
    return { file, lines: lastLines(file, count) };
  }
  if (desk.json)
    throw new UsageError(
      "logs -f follows the log, but --json prints one document at the end.",
      "Use only one of them.",
    );
  await follow(file, count, desk);
  return { file };
}

async function follow(file: string, count: number, desk: Desk): Promise<void> {
  const show = async (lines: readonly string[]) => {
    for (const text of lines) if (!(await desk.tell({ text }))) return false;
    return true;
  };
  const ended = new Promise<true>((resolve) => onInterrupt(() => resolve(true)));
  if (!isThere(file)) await show([`There is no log at ${file} yet. Waiting for it. ${whereElse()}`]);
  const follower = new Follower(file, count);
  let going = await show(follower.first);
  while (going && !(await Promise.race([ended, sleep(AGAIN_MS, false)]))) going = await show(follower.next());
  follower.close();
}

/** @throws Error when the path is not a file. */
function isThere(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile())
    throw new Error(`The bus writes its log to ${file}, which is not a file, so it cannot be read.`);
  return found !== undefined;
}

function whereElse(): string {
  const url = busUrl(undefined, environment);
  return isLoopbackUrl(url)
    ? "The bus creates it when it starts. Check with: agent-event-bus status"
    : `This machine uses the bus at ${url}, and the log is there.`;
}
