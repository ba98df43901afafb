import { jsonProblem } from "../domain/json_bounds.ts";
import type { Limits } from "../domain/limits.ts";
import type { SourceKind } from "../domain/source.ts";

type Read = { body: unknown } | { problem: string };

/** A body as its kind of source writes it, or why it cannot be read. */
export function readBody(kind: SourceKind, text: string, limits: Limits): Read {
  switch (kind) {
    case "text":
      return text.trim() === "" ? { problem: "The body is empty." } : { body: text };
    case "form":
      return formOf(text);
    default:
      return jsonOf(kind, text, limits);
  }
}

function jsonOf(kind: SourceKind, text: string, limits: Limits): Read {
  // GitHub sends a form with one field, unless it is told otherwise.
  const json = text.startsWith("payload=") ? (new URLSearchParams(text).get("payload") ?? "") : text;
  const over = jsonProblem(json, limits);
  if (over !== null) return { problem: `The body has ${over}.` };
  try {
    return { body: JSON.parse(json) };
  } catch {
    return { problem: `The body is not JSON, which a source of the kind ${kind} sends.` };
  }
}

function formOf(text: string): Read {
  const fields = Object.fromEntries(new URLSearchParams(text.trim()));
  return Object.keys(fields).length === 0
    ? { problem: "The body has no field of a form." }
    : { body: fields };
}
