import type { Json } from "../lib/json.ts";

/** How a source proves itself: it signs its bodies, it sends its secret, or it signs by Standard Webhooks where it has a secret. */
export type Proof = "body" | "token" | "standard" | "none";

export const PROOFS = {
  github: "body",
  gitlab: "token",
  alertmanager: "none",
  json: "standard",
  form: "standard",
  text: "standard",
} as const satisfies Record<string, Proof>;

export type SourceKind = keyof typeof PROOFS;

export const SOURCE_KINDS = Object.keys(PROOFS) as SourceKind[];

/** The parts of an event that the user chose for a source. A name in braces stands for a value of the body. */
export interface Mapping {
  channel?: string | undefined;
  event_type?: string | undefined;
  level?: string | undefined;
  title?: string | undefined;
}

/** A program that publishes by `POST /in/NAME`, like CI. */
export interface Source {
  source_id: number;
  name: string;
  kind: SourceKind;
  secret: string | null;
  /** Also valid until `secret_old_until` (ms), so that the sender can change over. */
  secret_old: string | null;
  secret_old_until: number;
  mapping: Mapping;
  created_at: string;
  /** The latest event that came of it, and when. */
  last_event_id: number | null;
  last_arrival: string | null;
}

export type NewSource = Pick<Source, "name" | "kind" | "secret" | "mapping">;

/** One POST of a source, with the parts of its head that count. */
export interface Arrival {
  body: string;
  /** The kind of the sender's own event, like `workflow_run`. */
  event?: string | undefined;
  /** The sender's own id of it, the same when it is sent again. */
  id?: string | undefined;
  /** Unix time (s) that is signed with it. */
  timestamp?: string | undefined;
  signature?: string | undefined;
  token?: string | undefined;
}

/** The event of an arrival, before its channel is resolved. */
export interface SourceEvent {
  event_type: string;
  channel: string;
  payload: string;
  title?: string | undefined;
  tags?: readonly string[] | undefined;
  level?: string | undefined;
}

/** An arrival of a source that proved itself. `keys`: it is the same as an earlier one that has one of them. */
export type Opened =
  | { event: SourceEvent; keys: readonly string[] }
  | { ignored: string }
  | { problem: string; why: "unproved" | "unreadable" };

/** The side of the bus that checks and reads arrivals, as handlers see it. */
export interface Inbound {
  /** `mayPublish`: the caller may publish by itself, which sources without a signature need. */
  open(name: string, arrival: Arrival, mayPublish: boolean): Promise<Opened>;
  /** Reads an arrival of a source as `open` does, and a made-up one if it has no body. Checks no proof. */
  preview(source: Source, arrival: Partial<Arrival>): SourceEvent | { ignored: string } | { problem: string };
  /** Arrivals that were turned away since the bus started. Undefined without any. */
  refusals(name: string): Refusals | undefined;
}

export interface Refusals {
  count: number;
  /** RFC 3339. */
  last_at: string;
  why: string;
}

/** The sources and their arrivals. Names are found as they are written. */
export interface Sources {
  list(): Promise<readonly Source[]>;
  /** Null if there are `most` already, or the name is taken. */
  add(source: NewSource, most: number): Promise<Source | null>;
  /** Takes `secret` from here on, and the old one too until `until` (ms). False if there is no such source. */
  rotate(name: string, secret: string, until: number): Promise<boolean>;
  /** False if there is no such source. */
  remove(name: string): Promise<boolean>;
  /** The event of an earlier arrival that has one of the keys. */
  eventOf(sourceId: number, keys: readonly string[]): Promise<number | undefined>;
}

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** The problem with a source's name, as a sentence. Null if it may be used. */
export function sourceNameProblem(name: string): string | null {
  return NAME.test(name)
    ? null
    : `"${name}" is not a valid name of a source. Use 1 to 64 of a-z, 0-9, ".", "_" and "-", like ci or alerts.`;
}

/** The problem with the secret of a kind, as a sentence. Null if it may be used. */
export function kindProblem(kind: SourceKind, secret: string | undefined): string | null {
  if (PROOFS[kind] !== "none" || !secret) return null;
  return `${kind} cannot sign what it sends. Leave the secret out, and let it send a token with the scope publish.`;
}

/** True for kinds that make no sense without a secret. The others may do without one. */
export function needsSecret(kind: SourceKind): boolean {
  return PROOFS[kind] === "body" || PROOFS[kind] === "token";
}

/** Who an event of a source is from. No token or login has such a name. */
export function senderOfSource(name: string): string {
  return `source:${name}`;
}

/** True for what a source sent. Nobody else has such an origin. */
export function isOfSource({ origin }: { origin?: string | undefined }): boolean {
  return origin?.startsWith(senderOfSource("")) === true;
}

/** The mapping that was kept as JSON. */
export function mappingOf(text: string): Mapping {
  return JSON.parse(text) as Json;
}
