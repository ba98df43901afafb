import type { SearchQuery } from "../domain/store.ts";
import { channelsOf, EVENT_COLUMNS } from "./event_sql.ts";

/** How the events of a stretch are found: by their ids, or by the index of texts. */
export type Way = "ids" | "index";

const LISTS = {
  senders: "session_id",
  channels: "channel",
  event_types: "event_type",
} as const;

/** The SQL of one step of a search. Queries of one shape share it. */
export function searchSql(query: SearchQuery, way: Way): string {
  const [from, id, filters] =
    way === "ids"
      ? ["events", "id", []]
      : [
          "events_text CROSS JOIN events ON id = events_text.rowid",
          "events_text.rowid",
          ["events_text MATCH $match"],
        ];
  const wanted = [...filters, `${id} > $after`, `${id} < $before`];
  const channels = channelsOf(query).map((_, i) => `channel = $channel${i}`);
  if (channels.length > 0) wanted.push(`(${channels.join(" OR ")})`);
  if (query.correlation_id !== undefined) wanted.push("correlation_id = $correlation_id");
  for (const list of listsOf(query)) wanted.push(`${LISTS[list]} IN (SELECT value FROM json_each($${list}))`);
  return `SELECT ${EVENT_COLUMNS} FROM ${from} WHERE ${wanted.join(" AND ")}
    ORDER BY ${id} ${query.order === "asc" ? "ASC" : "DESC"} LIMIT $limit`;
}

/** The parameters of all steps of a search. */
export function searchParams(query: SearchQuery): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [i, channel] of channelsOf(query).entries()) params[`channel${i}`] = channel;
  if (query.correlation_id !== undefined) params.correlation_id = query.correlation_id;
  for (const list of listsOf(query)) params[list] = JSON.stringify(query[list]);
  return params;
}

function listsOf(query: SearchQuery): (keyof typeof LISTS)[] {
  const given = (Object.keys(LISTS) as (keyof typeof LISTS)[]).filter((list) => query[list] !== undefined);
  return given.filter((list) => list !== "event_types" || query.event_types?.length !== 0);
}

/** Parts that a search asks the index for. More cost time, fewer find more events that do not hold the text. */
const MOST_PARTS = 8;
/** Only the start of a long text is looked up. Each event found is compared with the whole. */
const MOST_LOOKED_UP = 200;

/** The query of the index for a folded text: parts of three characters that it holds. */
export function matchOf(wanted: string): string {
  const characters = [...wanted.slice(0, MOST_LOOKED_UP)];
  // The cut may have left half of a character.
  if (wanted.length > MOST_LOOKED_UP) characters.pop();
  const parts = characters.slice(2).map((_, i) => characters.slice(i, i + 3).join(""));
  const step = Math.max(1, (parts.length - 1) / (MOST_PARTS - 1));
  const chosen = new Set<string>();
  for (let at = 0; at < parts.length; at += step) chosen.add(parts[Math.round(at)] ?? "");
  chosen.add(parts.at(-1) ?? "");
  chosen.delete("");
  return [...chosen].map((part) => `"${part.replaceAll('"', '""')}"`).join(" AND ");
}
