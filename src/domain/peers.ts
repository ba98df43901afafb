/** Said by a bus to the other buses of its database, about calls and sessions of theirs. A hint, which may be lost. */
export interface Word {
  does: "dismiss" | "refresh" | "end_dialogs" | "end_turn" | "work" | "cancel" | "mute";
  /** Of the call or the session. */
  key: string;
}

/** The other buses of a database. A bus whose database is a file has no others. */
export interface Peers {
  /** Lets the others know that a call of this bus holds a key, with a value. Undefined: no longer. */
  hold(key: string, value: string | undefined): void;
  /** The values of a key at other buses, as known here a moment ago. */
  held(key: string): readonly string[];
  tell(word: Word): void;
  listen(onWord: (word: Word) => void): void;
  /** Takes a lease for up to `ms`. False if another bus has it, which still runs. */
  take(lease: string, ms: number): Promise<boolean>;
  give(lease: string): Promise<void>;
  /** Keeps a note that any bus may take away once, for `ms`. */
  put(note: string, value: string, ms: number): Promise<void>;
  /** Undefined if there is no such note, or its time is up. */
  pull(note: string): Promise<string | undefined>;
}

const MOST_NOTES = 10_000;

/** For a bus without others. Drops the oldest of more than 10,000 notes. */
export function alone(): Peers {
  const notes = new Map<string, string>();
  return {
    hold() {},
    held: () => [],
    tell() {},
    listen() {},
    take: async () => true,
    give: async () => {},
    async put(note, value) {
      notes.set(note, value);
      for (const oldest of notes.keys()) if (notes.size > MOST_NOTES) notes.delete(oldest);
    },
    async pull(note) {
      const value = notes.get(note);
      notes.delete(note);
      return value;
    },
  };
}
