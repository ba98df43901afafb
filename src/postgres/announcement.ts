import type { Word } from "../domain/peers.ts";

/** Every commit of a bus announces itself to the others on it. */
export const CHANNEL = "agent_event_bus";
/** PostgreSQL takes less than 8,000 bytes. */
const MOST_BYTES = 7_000;

/** Said by a bus to the others after a commit. A hint where to look, and never the data. */
export interface Announcement {
  /** The bus. Undefined for a command. */
  by?: string;
  /** Recipients whose messages were seen, and needs that were opened or changed. Undefined if there are too many to name. */
  readers?: readonly string[];
  needs?: readonly number[];
  /** True if tokens were made or revoked. */
  tokens?: true;
  /** True if calls of the bus hold something else than before. */
  holds?: true;
  word?: Word;
}

/** The recipients and needs that a transaction changed something for. */
interface Changed {
  readers: ReadonlySet<string>;
  needs: ReadonlySet<number>;
}

/** The announcement of a commit of a bus. */
export function announcementOf(by: string, { readers, needs }: Changed): string {
  const told = JSON.stringify({ by, readers: [...readers], needs: [...needs] });
  return Buffer.byteLength(told) > MOST_BYTES ? JSON.stringify({ by }) : told;
}

/** Undefined if another program said something else on the channel. */
export function parseAnnouncement(text: string): Announcement | undefined {
  try {
    const told: unknown = JSON.parse(text);
    return typeof told === "object" && told !== null ? told : undefined;
  } catch {
    return undefined;
  }
}
