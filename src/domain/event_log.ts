import type { Event } from "./event.ts";

/** The part of the port that reads events. */
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
  /** Only events with a lower id. */
  before?: number | undefined;
  limit: number;
  /** Maximum size of all events in an answer (bytes). A batch holds at least one event. */
  most_bytes?: number;
  order: "asc" | "desc";
  /** In whatever Unicode form it is written, here or there. */
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

/** Events by what they hold, whom they are from and for, and when they were published. */
export interface SearchStore {
  /** Like `Events.read`. Other calls come between its steps, however many events there are. */
  find(query: SearchQuery): Promise<Found>;
  /** The newest event published before a time (ms since 1970). 0 if all are later. */
  lastBefore(at: number): Promise<number>;
  /** How far the index of texts has come. Never fails. Later events are found all the same. */
  progress(): IndexProgress;
}

/** Several filters hold together. Of each list, one entry has to match. */
export interface SearchQuery extends EventQuery {
  /** Part of the title or the payload. Case makes no difference. */
  text?: string | undefined;
  /** The session_id of the event. */
  senders?: readonly string[] | undefined;
  channels?: readonly string[] | undefined;
}

export interface Found extends Batch {
  /** True if a text without an index (MOST_WITHOUT_INDEX) was not searched in every event. */
  partial: boolean;
}

export interface IndexProgress {
  /** Id of the last event in the index. */
  upTo: number;
  /** Id of the newest event. */
  tip: number;
}
