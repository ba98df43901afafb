import type { ProcessMark } from "../lib/process.ts";
import type { WakeSetting } from "./attention.ts";
import type { LatestMail, Lost, Mail, NewsQuery, Offer, Unread, Waiting } from "./direct_message.ts";
import type { Event, EventDraft } from "./event.ts";
import type { Batch, EventQuery, Events, SearchStore } from "./event_log.ts";
import type { Machine } from "./machine.ts";
import type { Answer, DialogDraft, EventNeed, Need, Settled, Via } from "./need.ts";
import type { DeliveryStore, Webhooks } from "./outbox.ts";
import type { Peers } from "./peers.ts";
import type { PushStore } from "./push_log.ts";
import type { Session } from "./session.ts";
import type { Sources } from "./source.ts";
import type { Trouble } from "./storage.ts";

export type {
  Batch,
  EventQuery,
  Events,
  Found,
  IndexProgress,
  SearchQuery,
  SearchStore,
} from "./event_log.ts";
export type { Cost, Pushed, PushStore } from "./push_log.ts";
export type { StorageProblem, Trouble } from "./storage.ts";

/**
 * The port to the engine that keeps everything. Every method is atomic by itself, and a write resolves after its commit. An
 * engine joins waiting writes into one commit.
 */
export interface Store {
  /** Eight hex digits made once for a database. Part of every webhook-id. */
  id: string;
  /** 32 random bytes made once for a database. Signs the logins of the page, and is never shown. */
  key: Uint8Array;
  events: Events;
  search: SearchStore;
  sessions: Sessions;
  mail: MailStore;
  pushes: PushStore;
  needs: NeedStore;
  webhooks: Webhooks;
  deliveries: DeliveryStore;
  sources: Sources;
  peers: Peers;
  /**
   * Writes an event with all that was decided for it. Null if the active webhooks have changed since, the need that it
   * answers is closed, or it arrived before: decide again.
   */
  append(draft: Draft): Promise<Event | null>;
  /** Carries out what `decide` plans from the sessions known at that moment. Null like `append`, or if it plans nothing. */
  register(decide: DecideRegistration): Promise<Registered | null>;
  /** Calls `onEvent` with every event after its commit, in order, and with the webhooks that it was queued for. */
  listen(onEvent: (event: Event, webhookIds: readonly number[]) => void): void;
  /** Calls `onCommit` after every commit, and when calls of other buses hold something else than before. */
  listenCommits(onCommit: () => void): void;
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
  /** The need that the event opens, unless its session has 20 open calls for help. */
  need: EventNeed | null;
  /** The needs that it closes. */
  settles: Settled | null;
}

export type Change =
  | { kind: "unregister"; sessionId: string }
  | { kind: "pause"; webhookId: number; reason: string }
  | { kind: "arrive"; sourceId: number; keys: readonly string[] }
  | { kind: "answer"; needId: number; answer: Answer; by: string; via: Via };

/** Names and repositories are found in whatever Unicode form they are written, and returned in NFC. */
export interface Sessions {
  /** By its id, or an id that it had before. */
  get(sessionId: string): Promise<Session | undefined>;
  /** Of several, the one of that process, else one of the machine's id, else a present one. */
  byClient(machine: Machine, clientId: string, pid?: number): Promise<Session | undefined>;
  /**
   * The session that named this process as its client's, unregistered ones included. `watcher`: who sees the process, and so
   * knows it whatever the machine was called.
   */
  byProcess(machine: Machine, process: ProcessMark, watcher?: string): Promise<Session | undefined>;
  /** The sessions of that client on any machine: those not unregistered first, and of them the one heard of last. */
  ofClient(clientId: string): Promise<Session[]>;
  /** Sessions with that display_id or name, present ones and those heard of last first. */
  namedLike(text: string): Promise<Session[]>;
  /** All ids of the sessions with that id, display_id or name, earlier ids and unregistered sessions included. */
  idsOf(text: string): Promise<string[]>;
  /** Sessions that are not unregistered, most recently active first: all heard of after `since`, and the latest others. */
  present(since: string): Promise<Session[]>;
  /** The `limit` sessions that were heard of last, without those that are unregistered. */
  recent(limit: number): Promise<Session[]>;
  /** The repositories of the `limit` sessions that registered last, unregistered ones included. */
  repos(limit: number): Promise<string[]>;
  /** The session that claimed the name last, alive or not. */
  holder(name: string): Promise<Session | undefined>;
  claimsOf(sessionId: string): Promise<string[]>;
  /** The claims of several sessions, by session. */
  claimsOfAll(sessionIds: readonly string[]): Promise<Map<string, string[]>>;
  /**
   * Gives a name to the session, with the mail that waits for it and what its last holder left unseen. False if the holder
   * is no longer `holderId`: decide again.
   */
  claim(name: string, sessionId: string, holderId: string | undefined): Promise<boolean>;
  /** Records that the session was heard of. Losing one costs nothing. */
  touch(sessionId: string): Promise<void>;
  report(sessionId: string, report: Report): Promise<void>;
  /** Gives the mod a lease of the session until then (ms since 1970). Unregistering ends it. */
  carry(sessionId: string, until: number): Promise<void>;
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
  /** The present name of its machine, and the id of a machine that was known by name only. */
  machine?: Machine | undefined;
  /** A prompt, or the use of a tool that is not the bus's. */
  works: boolean;
  /** The last words of a turn. Undefined if the hook does not tell them. */
  lastWords?: string | undefined;
  /** How long ago its model had read all that it was shown (ms). Undefined if the hook does not tell. */
  readMsAgo?: number | undefined;
}

/** The sessions as a registration finds them, inside its transaction. */
export interface KnownSessions {
  find(sessionId: string): Session | undefined;
  findByClient(machine: Machine, clientId: string): Session | undefined;
  findByProcess(machine: Machine, process: ProcessMark, watcher?: string): Session | undefined;
  findOfClient(clientId: string): Session[];
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
  /** The clients that are gone, with what they were shown. */
  lost: readonly Lost[];
  /** Recipients whose unseen mail becomes the session's. */
  inherits: readonly string[];
  /** The session that this one goes on with on another machine. Its id, earlier ids and claims lead here from now on. */
  takesOver?: string | undefined;
}

export interface Registered extends Pick<RegistrationPlan, "session" | "wanted"> {
  /** The session_registered event of a new session. Null if one was resumed. */
  event: Event | null;
  /** Direct messages that its earlier client may not have written. */
  doubtful: number[];
}

/** Direct messages and how far they have come: stored, offered, seen, acked. */
export interface MailStore {
  /** The recipients of a direct message. */
  of(eventId: number): Promise<Mail[]>;
  /** Direct messages that were not seen, oldest first. */
  unseen(recipient: string, limit: number): Promise<Unread[]>;
  count(recipient: string): Promise<number>;
  /** Number of direct messages that each of these has not seen. One that has seen all is left out. */
  counts(recipients: readonly string[]): Promise<Map<string, number>>;
  /** The newest direct messages, newest first. */
  latest(limit: number): Promise<LatestMail[]>;
  /** The newest events of some channels that were not handed to the session yet and are not its own, oldest first. */
  news(query: NewsQuery): Promise<Unread[]>;
  /** Leases events to a hook that hands them over. Returns those that were offered before, by the time of this offer. */
  offer(offer: Offer): Promise<ReadonlySet<number>>;
  /** Marks one direct message as acknowledged. */
  acknowledge(recipient: string, eventId: number): Promise<void>;
  /** Marks events as seen, and takes back the offer of those that were not shown. */
  see(recipient: string, eventIds: readonly number[], unshown: readonly number[]): Promise<void>;
  /** Makes events that were seen unread again, but for those that were acknowledged. */
  lose(recipient: string, eventIds: readonly number[]): Promise<void>;
  /** Direct messages with a greater id that their recipients have not seen, oldest first. */
  waiting(after: number, limit: number): Promise<Waiting[]>;
  /** The event up to which the user was notified of unseen messages. Null if the user is not notified of them. */
  reviewed(): Promise<number | null>;
  review(upTo: number | null): Promise<void>;
  /** Until when the user is shown no notifications (ms since 1970). 0 if they are on. */
  mutedUntil(): Promise<number>;
  muteUntil(until: number): Promise<void>;
  /** Calls `onSeen` with each recipient whose messages were seen, after the commit. */
  listen(onSeen: (recipient: string) => void): void;
}

/** The needs of the person. */
export interface NeedStore {
  /** Opens a dialog's need. One of the same key stays as it is, but one whose dialog or session was lost is open again. */
  open(draft: DialogDraft): Promise<Need>;
  get(needId: number): Promise<Need | undefined>;
  /** The open ones, oldest first. */
  standing(): Promise<Need[]>;
  /** Open and closed ones, latest first. */
  recent(limit: number): Promise<Need[]>;
  /** False if it is no longer open. */
  withdraw(needId: number, reason: string): Promise<boolean>;
  /** Records that the client took the answer. */
  taken(needId: number): Promise<void>;
  /** Calls `onChange` with each need that was opened or changed, after the commit. */
  listen(onChange: (need: Need) => void): void;
}
