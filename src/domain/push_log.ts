import type { Spent } from "./attention.ts";

/** Events that were put into a session's context. */
export interface Pushed {
  sessionId: string;
  /** Who sent the one that woke it, else the first of them. */
  sender: string;
  /** A free wake counts against no budget. */
  kind: "wake" | "free_wake" | "hand_over";
  /** Size of the text (bytes). */
  bytes: number;
}

/** The cost of pushing events to a session. */
export interface Cost {
  wakes: number;
  handOvers: number;
  bytes: number;
}

/** The events that were pushed to sessions. */
export interface PushStore {
  record(pushed: Pushed): Promise<void>;
  /** The wakes that count against the next one of the session by the sender. */
  spent(sessionId: string, sender: string): Promise<Spent>;
  /** The wakes of each session within the last hour that count against its budget. One without wakes is left out. */
  wakes(): Promise<Map<string, number>>;
  /** By session, since a time (ms since 1970). */
  costs(since: number): Promise<Map<string, Cost>>;
}
