import { type Announcement, CHANNEL, parseAnnouncement } from "./announcement.ts";
import type { Pool } from "./connection.ts";
import type { Health } from "./health.ts";
import { Listener } from "./listener.ts";
import type { NeedTable } from "./needs.ts";
import type { PostgresPeers } from "./peers.ts";
import type { Tail } from "./tail.ts";
import type { KnownTokens } from "./tokens.ts";

/** Reads so often what other buses wrote (ms), in case a notification was lost. */
const LOOK_MS = 800;
/** Announcements that come within this time are followed together (ms). The first after a rest is followed at once. */
const TOGETHER_MS = 4;

/** After these, another server may be there. */
const MAY_MOVE: readonly unknown[] = ["storage_failed", "storage_readonly"];

/** Those who tell of what was committed. */
export interface Followers {
  tail: Tail;
  mail: { tell(recipients: Iterable<string>): void };
  needs: NeedTable;
  tokens: KnownTokens;
  peers: PostgresPeers;
  commits: (() => void)[];
}

/** Tells of what other buses commit, in the order of their commits. Returns how to stop. */
export async function followOthers(
  { url, pool, health }: { url: string; pool: Pool; health: Health },
  own: string,
  followers: Followers,
): Promise<() => Promise<void>> {
  const { tail, tokens, peers } = followers;
  const heard = together((announced) => follow(announced, followers));
  const listener = new Listener(url, CHANNEL, (text) => {
    // Without a text, some were lost.
    const announced = text === undefined ? undefined : parseAnnouncement(text);
    if (announced !== undefined && announced.by === own) return;
    // A late word could meet a call that began after it.
    if (announced?.word !== undefined) peers.hear(announced.word);
    else heard(announced);
  });
  renewAfter(health, [pool, listener]);
  await listener.start();
  await peers.start();
  const looking = setInterval(() => Promise.all([tail.catchUp(), readTokens(tokens)]), LOOK_MS);
  looking.unref();
  return async () => {
    clearInterval(looking);
    await listener.close();
    await peers.stop();
  };
}

/** Collects announcements of a short time. Returns how to hand one in. */
function together(
  followAll: (announced: readonly (Announcement | undefined)[]) => Promise<void>,
): (announced: Announcement | undefined) => void {
  let waiting: (Announcement | undefined)[] = [];
  let isFollowing = false;
  const run = async () => {
    isFollowing = true;
    try {
      while (waiting.length > 0) {
        const announced = waiting;
        waiting = [];
        await followAll(announced);
        await new Promise((resolve) => setTimeout(resolve, TOGETHER_MS));
      }
    } finally {
      isFollowing = false;
    }
  };
  return (announced) => {
    waiting.push(announced);
    if (!isFollowing) void run();
  };
}

/** Follows announcements, of which undefined stands for some that were lost. New events are read once for all of them. */
async function follow(
  announced: readonly (Announcement | undefined)[],
  { tail, mail, needs, tokens, peers, commits }: Followers,
): Promise<void> {
  if (announced.some((one) => one === undefined || one.tokens)) await readTokens(tokens);
  if (announced.some((one) => one?.holds)) await peers.look().catch(() => {});
  const written = announced.filter((one) => !one?.holds);
  if (written.length > 0) await tail.catchUp();
  for (const one of written) {
    mail.tell(one?.readers ?? []);
    await needs.tellOf(one?.needs).catch(() => {});
  }
  for (const onCommit of commits) onCommit();
}

/** Makes connections anew that may lead to a server that was replaced meanwhile. */
function renewAfter(health: Health, all: readonly { renew(): void }[]): void {
  health.listen((trouble, before) => {
    if (trouble === null && MAY_MOVE.includes(before?.problem)) for (const one of all) one.renew();
  });
}

function readTokens(tokens: KnownTokens): Promise<void> {
  return tokens.read().catch(() => {});
}
