import { beginning } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";
import { Refused, Unreachable } from "./errors.ts";

/** The answer to a POST. */
export interface Posted {
  status: number;
  text: string;
  /** Undefined if the text holds no JSON-RPC answer. */
  answer: Answer | undefined;
}

interface Answer {
  result?: { structuredContent?: Json; content?: { text?: string }[]; isError?: boolean };
  error?: { message?: string };
}

export const UNAUTHORIZED = 401;
const TOKEN_HINT =
  "Then set it here in AGENT_EVENT_BUS_TOKEN, or put it in ~/.claude/contrib/agent-event-bus/token (mode 600).";

/**
 * The result of a tool in a bus's answer.
 * @throws Refused if the bus refuses the call.
 * @throws Unreachable if the answer is not a bus's.
 */
export function resultOf(url: URL, { status, text, answer }: Posted): Json {
  if (answer?.error !== undefined) {
    const hint = status === UNAUTHORIZED ? TOKEN_HINT : undefined;
    throw new Refused(answer.error.message ?? "the bus answered with an error", status, hint);
  }
  if (answer?.result === undefined) throw notABus(url, status, text);
  const { structuredContent, content, isError } = answer.result;
  const words = content?.[0]?.text ?? "";
  if (isError) throw new Refused(words, status);
  if (structuredContent !== undefined) return structuredContent;
  const parsed = JSON.parse(words);
  return Array.isArray(parsed) ? { result: parsed } : parsed;
}

function notABus(url: URL, status: number, text: string): Unreachable {
  const start = beginning(text.replace(/\s+/g, " "), 80);
  return new Unreachable(
    `The server at ${url} is not an agent-event-bus (HTTP ${status}${start === "" ? "" : `: ${start}`}).`,
  );
}

/** The answer in a plain JSON body, or the last one among the `data:` lines of an event stream. */
export function answerIn(text: string): Answer | undefined {
  if (text.trimStart().startsWith("{")) return answerOf(text);
  const lines = text.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => answerOf(line.slice("data:".length))).findLast((answer) => answer !== undefined);
}

function answerOf(text: string): Answer | undefined {
  try {
    const message = JSON.parse(text);
    if (message?.result !== undefined || message?.error?.message !== undefined) return message;
    return typeof message?.error === "string" ? { error: { message: message.error } } : undefined;
  } catch {
    return undefined;
  }
}
