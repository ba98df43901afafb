import type { EventDraft } from "./event.ts";

type Described = Pick<EventDraft, "title" | "tags" | "explicit_level">;

/** What few events have, as one column holds it: JSON. Null for an event that has none of it. */
export function metaOf({ title, tags, explicit_level: signal_level }: Described): string | null {
  return title === undefined && tags === undefined && signal_level === undefined
    ? null
    : JSON.stringify({ title, tags, signal_level });
}

/** The same, read again. Text that is no JSON says nothing. */
export function parseMeta(text: string): Described {
  try {
    const { title, tags, signal_level } = JSON.parse(text);
    return { title: title ?? undefined, tags: tags ?? undefined, explicit_level: signal_level ?? undefined };
  } catch {
    return {};
  }
}
