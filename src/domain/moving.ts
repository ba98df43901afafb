/**
 * How a value reads in every engine. `blank`: a text of which an empty one is null. `list`: a blank text with commas.
 * `cursor`: an id that a file keeps as text.
 */
export type Kind = "text" | "blank" | "list" | "number" | "cursor" | "flag" | "time";

/** Times are RFC 3339 with milliseconds, in UTC. */
export type Value = string | number | boolean | null;
/** The values of the columns, in their order. */
export type Row = readonly Value[];

/** A table that a move takes along. */
export interface Table {
  name: string;
  columns: Readonly<Record<string, Kind>>;
  /** Columns by which rows are read in the order in which they are stored. */
  order: string;
  /** The column whose numbers are given out once. */
  numbered?: string;
  /** Rows that belong to the data and not to its engine, as SQL. */
  where?: string;
}

/** Every table with data. An index of texts, leases and the running buses are made anew. */
export const TABLES: readonly Table[] = [
  {
    name: "events",
    order: "id",
    numbered: "id",
    columns: {
      ...{ id: "number", event_type: "text", payload: "text", session_id: "text", timestamp: "time" },
      ...{ channel: "text", correlation_id: "text", payload_meta: "text", origin: "text" },
    },
  },
  {
    name: "sessions",
    order: "entry",
    numbered: "entry",
    columns: {
      ...{
        entry: "number",
        id: "text",
        display_id: "text",
        name: "text",
        machine: "text",
        machine_id: "text",
      },
      ...{ seen_on: "text", origin: "text", cwd: "text", repo: "text", registered_at: "time" },
      ...{
        last_heartbeat: "time",
        client_id: "text",
        last_cursor: "cursor",
        deleted_at: "time",
        pid: "number",
      },
      ...{
        pid_started: "text",
        state: "text",
        lease_until: "time",
        offered_cursor: "number",
        branch: "text",
      },
      ...{ wake: "text", muted_until: "number", title: "text", worked_at: "number", last_words: "text" },
      ...{ state_since: "time", rung: "text", rung_until: "number", read_until: "number" },
    },
  },
  { name: "aliases", order: "alias", columns: { alias: "text", session_id: "text" } },
  { name: "claims", order: "name", columns: { name: "text", session_id: "text", claimed_at: "time" } },
  {
    name: "mail",
    order: "recipient, event_id",
    columns: {
      ...{ recipient: "text", event_id: "number", offered_at: "time", offered_by: "text", offers: "number" },
      ...{ seen_at: "time", acked_at: "time" },
    },
  },
  {
    name: "webhooks",
    order: "id",
    numbered: "id",
    columns: {
      ...{ id: "number", url: "text", channel_filter: "blank", event_types: "list", created_at: "time" },
      ...{ active: "flag", secret: "blank", ordered: "flag", local: "flag", secret_old: "blank" },
      ...{ secret_old_until: "number", paused_reason: "text", last_success: "time", last_failure: "time" },
      ...{ last_error: "text", failing_since: "number" },
    },
  },
  {
    name: "deliveries",
    order: "id",
    numbered: "id",
    columns: {
      ...{ id: "number", webhook_id: "number", event_id: "number", state: "text", attempts: "number" },
      ...{ next_at: "number", created_at: "number", redelivery: "flag", last_status: "number" },
      ...{ last_error: "text", last_at: "number", last_ms: "number" },
    },
  },
  {
    name: "pushes",
    order: "id",
    numbered: "id",
    columns: {
      ...{ id: "number", session_id: "text", sender: "text", kind: "text", bytes: "number", at: "number" },
    },
  },
  {
    name: "needs",
    order: "need_id",
    numbered: "need_id",
    columns: {
      ...{ need_id: "number", key: "text", kind: "text", session_id: "text", text: "text", tool: "text" },
      ...{ input: "text", cwd: "text", branch: "text", event_id: "number", correlation_id: "text" },
      ...{ since: "time", answerable: "flag", secret: "text", state: "text", answer: "text" },
      ...{ answered_by: "text", via: "text", closed_at: "time", reason: "text", taken_at: "time" },
    },
  },
  {
    name: "sources",
    order: "source_id",
    numbered: "source_id",
    columns: {
      ...{ source_id: "number", name: "text", kind: "text", secret: "text", secret_old: "text" },
      ...{ secret_old_until: "number", mapping: "text", created_at: "time", last_event_id: "number" },
      ...{ last_arrival: "time" },
    },
  },
  {
    name: "arrivals",
    order: "source_id, key",
    columns: { source_id: "number", key: "text", event_id: "number" },
  },
  {
    name: "tokens",
    order: "name",
    columns: {
      ...{ name: "text", scope: "text", hash: "text", created_at: "time", expires_at: "time" },
      ...{ revoked_at: "time", last_used_at: "time" },
    },
  },
  {
    name: "bus",
    order: "key",
    columns: { key: "text", value: "text" },
    where: "key NOT IN ('probe', 'indexed', 'gaps')",
  },
];

/** A database to read, or one that a move has filled. */
export interface Contents {
  size(table: Table): Promise<number>;
  /** All rows of a table, some at a time. */
  rows(table: Table): AsyncIterable<readonly Row[]>;
  /** The highest number that a numbered table has given out. */
  lastNumber(table: Table): Promise<number>;
}

/** An empty database that a move fills. Nothing of it counts before the move has ended. */
export interface Receiver extends Contents {
  add(table: Table, rows: readonly Row[]): Promise<void>;
  /** Lets a numbered table give out higher numbers only. */
  goOnAfter(table: Table, last: number): Promise<void>;
  /** To be called once everything was added. */
  complete(): Promise<void>;
}
