import type { EventDraft } from "./event.ts";

type Described = Pick<EventDraft, "title" | "tags" | "explicit_level">;

/** The fields that few events have, as JSON in one column. Null if an event has none of them. */
export function metaOf({ title, tags, explicit_level: signal_level }: Described): string | null {
  return title === undefined && tags === undefined && signal_level === undefined
    ? null
    : JSON.stringify({ title, tags, signal_level });
}

/** Reads them again. Other text than JSON counts as none of them. */
export function parseMeta(text: string): Described {
  try {
    const { title, tags, signal_level } = JSON.parse(text);
    return { title: title ?? undefined, tags: tags ?? undefined, explicit_level: signal_level ?? undefined };
  } catch {
    return {};
  }
}
