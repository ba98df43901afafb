import { resolveChannel } from "../domain/channel.ts";
import { appendArrival } from "../domain/publish.ts";
import { senderOfSource } from "../domain/source.ts";
import { composed } from "../lib/unicode_form.ts";
import { operation } from "./operation.ts";
import { params as publication } from "./publish_params.ts";
import { SOURCE_NAME, sourceNotFound } from "./sources.ts";

const { event_type, payload, channel, title } = publication;

export const storeArrival = operation({
  name: "store_arrival",
  about: "Publish what a source sent, once.",
  effect: "writes",
  scope: "publish",
  appends: true,
  tool: false,
  params: {
    source: SOURCE_NAME,
    ...{ event_type, payload, channel, title },
    tags: { ...publication.tags, each: "name_bytes" },
    level: { type: "text", optional: true, max: "event_type_bytes", about: "Its level" },
    keys: { type: "list", max: 4, each: 1_024, about: "Names it had before if it comes again" },
  },
  async run(bus, { source, event_type, payload, channel: named, title, tags, level, keys }, { caller }) {
    // Only the route of a source gives a caller this origin.
    const sender = senderOfSource(source);
    if (caller.origin !== sender) return { error: "Nothing was stored. Only sources call this." };
    const resolved = await resolveChannel(bus, named);
    // A name of several sessions stays as it is: the source would not read the question.
    const channel = "refusal" in resolved ? composed(named) : resolved.channel;
    const stored = await appendArrival(bus, source, keys, {
      ...{ event_type, payload, channel, title, tags, explicit_level: level },
      ...{ session_id: sender, origin: sender },
    });
    if (stored === null) return sourceNotFound(source);
    return { event_id: stored.event_id, ...(stored.event === undefined && { duplicate: true }) };
  },
});
