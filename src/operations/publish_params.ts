import type { Args } from "../lib/param.ts";
import { CORRELATION_ID, SESSION_ID } from "./params.ts";

/** Parameters of publish_event. */
export const params = {
  event_type: {
    type: "text",
    flag: "type",
    min: 1,
    max: "event_type_bytes",
    about: "e.g. task_completed, help_needed",
  },
  payload: { type: "text", max: "payload_bytes", about: "The message" },
  channel: {
    type: "text",
    default: "all",
    max: "channel_bytes",
    about: "all, session:{name or id}, @{claim}, repo:{name} or machine:{name}",
  },
  session_id: SESSION_ID,
  title: { type: "text", optional: true, max: "title_bytes", about: "Headline" },
  tags: { type: "list", optional: true, max: "tags", each: "tag_bytes", about: "Labels" },
  correlation_id: CORRELATION_ID,
  signal_level: {
    type: "text",
    optional: true,
    max: 32,
    about: "lifecycle, info or actionable",
  },
} as const;

export type Publication = Args<typeof params>;
