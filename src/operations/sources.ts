import type { Refusals, Source } from "../domain/source.ts";
import type { Json } from "../lib/json.ts";

export const SOURCE_NAME = { type: "text", min: 1, max: 64, about: "Name of the source" } as const;

/** A template of a mapping. */
export const TEMPLATE = { type: "text", optional: true, max: "channel_bytes" } as const;

/** A source as clients see it, without its secrets. */
export function sourceView(source: Source, refusals: Refusals | undefined): Json {
  const { name, kind, secret, mapping, created_at, last_event_id, last_arrival } = source;
  return {
    name,
    kind,
    has_secret: secret !== null,
    ...{ channel: null, event_type: null, level: null, title: null, ...mapping },
    ...{ created_at, last_event_id, last_arrival },
    refused: refusals?.count ?? 0,
    ...(refusals !== undefined && { last_refused: refusals.last_at, refused_because: refusals.why }),
  };
}

export function sourceNotFound(name: string): Json {
  return { error: `There is no source ${name}. To see them: agent-event-bus source list`, name };
}

/** The path at which a source sends. */
export function pathOf(name: string): string {
  return `/in/${name}`;
}
