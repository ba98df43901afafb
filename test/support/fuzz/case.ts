import { type Bytes, post, type RawAnswer } from "../raw.ts";
import { messageIn } from "../rpc.ts";
import type { Random } from "./random.ts";

/** One request and what its answer must be. */
export interface Case {
  bytes: Bytes | Iterable<Bytes>;
  /** 0: the connection may be cut without an answer. */
  statuses: readonly number[];
  /** The JSON-RPC error that is due. */
  code?: number;
  /** The result is a refusal (`isError`) that holds this word. */
  refused?: string;
  /** Events that it stores; absent: as many as the answer says. */
  stores?: 0 | 1 | undefined;
  /** The answer is no JSON-RPC message. */
  plain?: true;
  /** Sent over a connection of its own, which may be cut. */
  alone?: true;
  /** The client leaves after the last byte. */
  leaves?: true;
  /** What else must hold; a sentence when it does not. */
  // biome-ignore lint/suspicious/noExplicitAny: cases look into answers of every shape
  holds?(message: any): string | null;
}

/** Makes a case of one kind. */
export type Kind = (next: Random) => Case;

export const KEEP_ALIVE = { connection: null };

/** A JSON-RPC message as its JSON text; `tools/call` unless told otherwise. */
export function callText(name: unknown, args: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
}

export function methodText(method: string, params?: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

export const PING = methodText("ping");
export const PUBLISH = callText("publish_event", { event_type: "note", payload: "hello" });

export function sent(body: Bytes, headers: Record<string, string | null> = {}): Uint8Array {
  return post(body, { ...KEEP_ALIVE, ...headers });
}

/** How many events an answer says were made. */
export function eventsMade(answer: RawAnswer): number {
  // biome-ignore lint/suspicious/noExplicitAny: answers have every shape
  const made = (messageIn(answer.body) as any)?.result?.structuredContent ?? {};
  // get_delivery names the event that it was asked about, as does a refused reply; a question that nobody answers is stored.
  const asked = made.deliveries !== undefined || (made.error !== undefined && made.answered === undefined);
  if (made.event_id !== undefined && !asked) return 1;
  return made.resumed === false || (made.success === true && made.active_sessions !== undefined) ? 1 : 0;
}

/** What is wrong with an answer; null when nothing is. */
export function problemOf(sample: Case, answer: RawAnswer): string | null {
  const { status, body } = answer;
  if (!sample.statuses.includes(status)) return `status ${status}, not ${sample.statuses.join(" or ")}`;
  if (sample.stores !== undefined && eventsMade(answer) !== sample.stores)
    return `${eventsMade(answer)} events, not ${sample.stores}`;
  if (body.includes("unexpected error")) return "an unexpected error inside the bus";
  if (sample.plain || status === 0 || status === 202) return null;
  // biome-ignore lint/suspicious/noExplicitAny: answers have every shape
  const message = messageIn(body) as any;
  if (message?.jsonrpc !== "2.0" || "result" in message === "error" in message) return "no JSON-RPC answer";
  const code = message.error?.code;
  if (sample.code !== undefined ? code !== sample.code : code !== undefined && !Number.isInteger(code))
    return `code ${code}, not ${sample.code}`;
  if (sample.refused !== undefined) return refusalProblem(sample.refused, message.result);
  return sample.holds?.(message) ?? null;
}

// biome-ignore lint/suspicious/noExplicitAny: answers have every shape
function refusalProblem(word: string, result: any): string | null {
  const text = String(result?.content?.[0]?.text);
  return result?.isError === true && text.includes(word) ? null : `no refusal about ${word}: ${text}`;
}
