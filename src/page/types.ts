import type { MailState } from "../domain/direct_message.ts";
import type { Event as BusEvent } from "../domain/event.ts";
import type { NeedKind, Question } from "../domain/need.ts";
import type { Reach } from "../domain/reach.ts";

/** An event with the delivery status of a direct message. */
export type Event = BusEvent & { readonly delivery?: MailState };

/** How far a direct message came, with the times that are known. */
export interface Steps {
  state: MailState;
  offered_at?: string | null;
  seen_at?: string | null;
  acked_at?: string | null;
}

/** An open need, with its whole input. */
export interface Need {
  need_id: number;
  kind: NeedKind;
  session_id: string;
  name: string;
  repo: string | null;
  machine: string | null;
  branch: string | null;
  cwd: string | null;
  text: string;
  tool: string | null;
  input?: unknown;
  questions?: readonly Question[];
  event_id: number | null;
  since: string;
  answerable: boolean;
}

export interface Session {
  session_id: string;
  name: string;
  machine: string;
  repo: string;
  branch?: string | null;
  last_heartbeat: string;
  state: "busy" | "idle" | "waiting" | "waiting_or_running" | null;
  /** Start of `busy` or `idle`, RFC 3339. Absent if the bus does not tell. */
  state_since?: string | null;
  waiting_since?: string;
  reach: Reach;
  unread: number;
  claims?: readonly string[];
  last_words?: string | null;
  muted_until?: string | null;
  wakes_today?: number;
  bytes_today?: number;
}

export type Problem =
  | { kind: "undelivered"; event_id: number; from: string; to: string; since: string; why: string }
  | {
      kind: "webhook";
      webhook_id: number;
      host: string;
      status: number | string | null;
      since: string | null;
      next_at: string | null;
      pending: number;
      dead: number;
      paused: boolean;
    }
  | { kind: "session"; session_id: string; name: string; since: string; why: string }
  | { kind: "source"; name: string; since: string; why: string; refused: number }
  | { kind: "token"; name: string; expires_at: string }
  | { kind: "storage"; since: string; why: string };

export interface Health {
  state: "running" | "storage";
  detail?: string;
}

export interface Today {
  wakes: number;
  bytes: number;
}

export interface Hello {
  version: string;
  machine: string;
  /** RFC 3339, or milliseconds since 1970. */
  now: string | number;
  /** False if the events begin anew. */
  resumed?: boolean;
}

/** Names by session id. */
export type Names = Readonly<Record<string, string>>;
