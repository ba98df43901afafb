import { call } from "./bus.ts";
import { isForYou } from "./parties.ts";
import type { Row } from "./rows.ts";
import { isLive } from "./state.ts";
import { deliveryOf, isAtEnd } from "./stream_state.ts";

/** A message counts as read after it stood on the screen for this time (ms). */
const READ_MS = 1_000;

const told = new Set<number>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Tells the bus which messages to the person stand on the screen. */
export function markSeen(rows: readonly Row[]): void {
  const news = rows.flatMap((row) => (row.kind === "event" && isUnread(row) ? [row.event.id] : []));
  clearTimeout(timer);
  if (news.length === 0 || !isLive.value || !isAtEnd.value) return;
  timer = setTimeout(() => {
    if (document.visibilityState !== "visible") return;
    for (const id of news) told.add(id);
    void call("read_inbox", { seen: news.map(String) }).catch(() => {
      for (const id of news) told.delete(id);
    });
  }, READ_MS);
}

function isUnread({ event }: Extract<Row, { kind: "event" }>): boolean {
  const delivery = deliveryOf(event);
  return (
    event.id > 0 &&
    isForYou(event) &&
    (delivery === "stored" || delivery === "offered") &&
    !told.has(event.id)
  );
}
