import type { ProcessMark } from "../lib/process.ts";
import type { Spent, WakeSetting } from "./attention.ts";
import type { Mail, NewsQuery, Offer, Unread, Waiting } from "./direct_message.ts";
import type { Event, EventDraft } from "./event.ts";
import type { DeliveryStore, Webhooks } from "./outbox.ts";
import type { Session } from "./session.ts";

/**
 * The port to the engine that keeps everything. Every method is atomic by itself, and a write resolves after its commit. An
 * engine joins waiting writes into one commit.
 */
export interface Store {
  /** Eight hex digits made once for a database. Part of every webhook-id. */
  id: string;
  events: Events;
  sessions: Sessions;
  mail: MailStore;
  pushes: PushStore;
  webhooks: Webhooks;
  deliveries: DeliveryStore;
  /** Writes an event with all that was decided for it. Null if the active webhooks have changed since: decide again. */
  append(draft: Draft): Promise<Event | null>;
  /** Carries out what `decide` plans from the sessions known at that moment. Null like `append`, or if it plans nothing. */
  register(decide: DecideRegistration): Promise<Registered | null>;
  /** Calls `onEvent` with every event after its commit, in order, and with the webhooks that it was queued for. */
  listen(onEvent: (event: Event, webhookIds: readonly number[]) => void): void;
  /** The copy made before an older database was changed. Null if there was no need. */
  backup: string | null;
  /** Why the database takes no writes. Null if it does. */
  trouble(): Trouble | null;
  /** Limits every wait for a lock to `ms` from here on. */
  limitPatience(ms: number): void;
  /**
   * Commits what is under way and frees the database. Resolves with a sentence about the copy that was written if the file
   * was gone, otherwise with null.
   */
  close(): Promise<string | null>;
}

/** Why the store takes no write at the moment. */
export type StorageProblem =
  | "storage_busy"
  | "storage_full"
  | "storage_readonly"
  | "storage_failed"
  | "storage_corrupt";

/** The database takes no writes. */
export interface Trouble {
  problem: StorageProblem;
  /** Wall clock (ms). */
  since: number;
  /** A sentence on what happened and what to do. */
  detail: string;
}

/** An event to append, and what the domain decided for it. */
export interface Draft {
  event: EventDraft;
  /** The session or `@name` that gets it as a direct message. Null for any other event. */
  recipient: string | null;
  /** The webhooks that it goes to, decided from the active ones of `revision`. */
  webhookIds: readonly number[];
  revision: number;
  /** A change of state in the transaction of the event. */
  change: Change | null;
}

export type Change =
  | { kind: "unregister"; sessionId: string }
  | { kind: "pause"; webhookId: number; reason: string };

export interface Events {
  get(id: number): Promise<Event | undefined>;
  read(query: EventQuery): Promise<Batch>;
  /** Number of events of a channel from one id to another, both included. Counts to `most` at most. */
  count(channel: string, from: number, to: number, most: number): Promise<number>;
  /** The id of the newest event ever stored. 0 in a new database. */
  tip(): Promise<number>;
}

/** Which events, in which order. Filters are exact. Absent ones match everything. */
export interface EventQuery {
  /** Only events with a greater id. */
  after?: number | undefined;
  limit: number;
  /** Maximum size of all events in an answer (bytes). A batch holds at least one event. */
  most_bytes?: number;
  order: "asc" | "desc";
  channel?: string | undefined;
  event_types?: readonly string[] | undefined;
  correlation_id?: string | undefined;
}

/** The result of one read, before any filter that is not part of the query. */
export interface Batch {
  events: readonly Event[];
  /** More may follow: a limit was reached. */
  full: boolean;
  /** The highest id among them. 0 for an empty batch. */
  highest: number;
  /** There are direct messages among them. */
  mail: boolean;
  /** The newest event when the read began. */
  tip: number;
}

export interface Sessions {
  /** By its id, or an id that it had before. */
  get(sessionId: string): Promise<Session | undefined>;
  /** Of several, the one of that process, else a present one. */
  byClient(machine: string, clientId: string, pid?: number): Promise<Session | undefined>;
  /** Sessions with that display_id or name, present ones and those heard of last first. */
  namedLike(text: string): Promise<Session[]>;
  /** Sessions that are not unregistered, most recently active first: all heard of after `since`, and the latest others. */
  present(since: string): Promise<Session[]>;
  /** The session that claimed the name last, alive or not. */
  holder(name: string): Promise<Session | undefined>;
  claimsOf(sessionId: string): Promise<string[]>;
  /**
   * Gives a name to the session, with the mail that waits for it and what its last holder left unseen. False if the holder
   * is no longer `holderId`: decide again.
   */
  claim(name: string, sessionId: string, holderId: string | undefined): Promise<boolean>;
  /** Records that the session was heard of. Losing one costs nothing. */
  touch(sessionId: string): Promise<void>;
  report(sessionId: string, report: Report): Promise<void>;
  /** Sets what may wake a session, and until when it is muted (ms since 1970). Undefined leaves a setting as it is. */
  attend(sessionId: string, wake: WakeSetting | null | undefined, mutedUntil?: number): Promise<void>;
  /**
   * Reads after the session's saved cursor (`resume`) or after `query.after`, and moves the saved cursor to the highest
   * id read, never backwards. Two concurrent resumes never both get an event.
   */
  consume(sessionId: string, resume: boolean, query: EventQuery): Promise<Batch>;
  /** Saves the newest event's id as the cursor and returns it. */
  saveTip(sessionId: string): Promise<number>;
  /** Moves the saved cursor forwards, never backwards. Direct messages from `shownFrom` on become seen. */
  advanceCursor(sessionId: string, cursor: number, shownFrom?: number): Promise<void>;
  /** Saves the cursor and marks direct messages up to it as acknowledged. */
  acknowledge(sessionId: string, cursor: number): Promise<void>;
}

/** A report of a session's hooks. */
export interface Report {
  state: Session["state"];
  /** RFC 3339 or null. */
  leaseUntil: string | null;
  /** Undefined if the hook does not know it. */
  branch?: string | null | undefined;
  /** A prompt, or the use of a tool that is not the bus's. */
  works: boolean;
}

/** The sessions as a registration finds them, inside its transaction. */
export interface KnownSessions {
  find(sessionId: string): Session | undefined;
  findByClient(machine: string, clientId: string): Session | undefined;
  findByProcess(machine: string, process: ProcessMark): Session | undefined;
  findNamed(text: string): Session[];
  hasDisplayId(displayId: string): boolean;
  /** True if the id leads to another session. */
  hasAlias(id: string): boolean;
  namesOf(sessionId: string): string[];
}

/** Must be repeatable: an engine may run it more than once. `at` is the time of the registration, RFC 3339. Null changes nothing. */
export type DecideRegistration = (known: KnownSessions, at: string) => RegistrationPlan | null;

/** The effect of a registration. */
export interface RegistrationPlan {
  session: Session;
  /** The name that it has if no other session does. */
  wanted: string;
  /** The event of a new session. Null if one is resumed. */
  draft: Draft | null;
  /** An id that leads to this session from here on. */
  alias: string | null;
  /** Recipients whose unseen mail becomes the session's. */
  inherits: readonly string[];
}

export interface Registered {
  session: Session;
  wanted: string;
  /** The session_registered event of a new session. Null if one was resumed. */
  event: Event | null;
}

/** Direct messages and how far they have come: stored, offered, seen, acked. */
export interface MailStore {
  /** The recipients of a direct message. */
  of(eventId: number): Promise<Mail[]>;
  /** Direct messages that were not seen, oldest first. */
  unseen(recipient: string, limit: number): Promise<Unread[]>;
  count(recipient: string): Promise<number>;
  /** The newest events of some channels that were not handed to the session yet and are not its own, oldest first. */
  news(query: NewsQuery): Promise<Unread[]>;
  /** Leases events to a hook that hands them over. */
  offer(offer: Offer): Promise<void>;
  /** Marks one direct message as acknowledged. */
  acknowledge(recipient: string, eventId: number): Promise<void>;
  /** Marks events as seen, and takes back the offer of those that were not shown. */
  see(recipient: string, eventIds: readonly number[], unshown: readonly number[]): Promise<void>;
  /** Direct messages with a greater id that their recipients have not seen, oldest first. */
  waiting(after: number, limit: number): Promise<Waiting[]>;
  /** The event up to which the user was notified of unseen messages. Null if the user is not notified of them. */
  reviewed(): Promise<number | null>;
  review(upTo: number | null): Promise<void>;
  /** Calls `onSeen` with each recipient whose messages were seen, after the commit. */
  listen(onSeen: (recipient: string) => void): void;
}

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
  /** By session, since a time (ms since 1970). */
  costs(since: number): Promise<Map<string, Cost>>;
}
