import { beginningBytes } from "../lib/graphemes.ts";
import { composed } from "../lib/unicode_form.ts";
import type { Limits } from "./limits.ts";
import type { Arrival, Mapping, SourceEvent, SourceKind } from "./source.ts";
import { githubEvent } from "./source_github.ts";
import { gitlabEvent } from "./source_gitlab.ts";
import { alertEvent, textEvent, valuesEvent } from "./source_plain.ts";
import { filled, oneLine } from "./source_text.ts";

type Sizes = Pick<Limits, "channel_bytes" | "event_type_bytes" | "title_bytes">;

/** The event of an arrival by its source's kind and mapping. `body`: as it was read. A text says why an arrival makes no event. */
export function eventOfArrival(
  kind: SourceKind,
  mapping: Mapping,
  { event = "", body }: { event?: Arrival["event"]; body: unknown },
  sizes: Sizes,
): SourceEvent | string {
  const found = eventOfKind(kind, event, body);
  return typeof found === "string" ? found : mapped(found, mapping, body, sizes);
}

function eventOfKind(kind: SourceKind, event: string, body: unknown): SourceEvent | string {
  switch (kind) {
    case "github":
      return githubEvent(oneLine(event, 60), body);
    case "gitlab":
      return gitlabEvent(body);
    case "alertmanager":
      return alertEvent(body);
    case "json":
    case "form":
      return valuesEvent(body);
    case "text":
      return textEvent(String(body));
  }
}

/** Puts the user's choices in place of the kind's own. One that comes out empty changes nothing. */
function mapped(event: SourceEvent, mapping: Mapping, body: unknown, sizes: Sizes): SourceEvent {
  const chosen = (template: string | undefined, own: string, most: number) =>
    beginningBytes((template === undefined ? "" : filled(template, body, most)) || own, most);
  const channel = chosen(mapping.channel, event.channel, sizes.channel_bytes);
  const title = chosen(mapping.title, event.title ?? "", sizes.title_bytes);
  return {
    event_type: chosen(mapping.event_type, event.event_type, sizes.event_type_bytes),
    // A repository without a name has no channel.
    channel: channel.endsWith(":") ? event.channel : composed(channel),
    payload: event.payload,
    ...(title !== "" && { title }),
    ...(event.tags !== undefined && event.tags.length > 0 && { tags: event.tags }),
    level: chosen(mapping.level, event.level ?? "", sizes.event_type_bytes) || undefined,
  };
}
