import type { Transaction } from "./transaction.ts";

/** Every commit of a bus announces itself to the others on it. */
export const CHANNEL = "agent_event_bus";
/** PostgreSQL takes less than 8,000 bytes. */
const MOST_BYTES = 7_000;

/** Said by a bus to the others after a commit. A hint where to look, and never the data. */
export interface Announcement {
  /** The bus. */
  by: string;
  /** Recipients whose messages were seen, and needs that were opened or changed. Undefined if there are too many to name. */
  readers?: readonly string[];
  needs?: readonly number[];
}

export function announcementOf(by: string, { readers, needs }: Transaction): string {
  const told = JSON.stringify({ by, readers: [...readers], needs: [...needs] });
  return Buffer.byteLength(told) > MOST_BYTES ? JSON.stringify({ by }) : told;
}

export function parseAnnouncement(text: string): Announcement {
  return JSON.parse(text) as Announcement;
}
