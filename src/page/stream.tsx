import { computed } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { Composer } from "./composer.tsx";
import { NO_FILTER } from "./filter.ts";
import { Filters } from "./filters.tsx";
import { Icon } from "./icons.tsx";
import { Bars } from "./needs.tsx";
import { StreamRow } from "./row.tsx";
import { isSameRow, type Row, rowsOf } from "./rows.ts";
import { markSeen } from "./seen.ts";
import { link } from "./state.ts";
import {
  feed,
  isAtEnd,
  isFiltered,
  isReading,
  lookedAt,
  opened,
  readNewer,
  readOlder,
  readProblem,
  setFilter,
  shown,
  sought,
  toNewest,
  unseen,
} from "./stream_state.ts";
import { useVirtual } from "./virtual.ts";

let before: ReadonlyMap<string, Row> = new Map();
const rows = computed(() => {
  const made = rowsOf(shown.value, { lookedAt: lookedAt.value, whole: opened.value });
  const kept = made.map((row) => {
    const known = before.get(row.key);
    return known !== undefined && isSameRow(known, row) ? known : row;
  });
  before = new Map(kept.map((row) => [row.key, row]));
  return kept;
});
const keys = computed(() => rows.value.map(({ key }) => key));

/** All events, newest last, with the composer below. */
export function Stream() {
  const isLoading = link.value.state === "loading";
  return (
    <section class="stream" aria-labelledby="h-stream">
      <Filters />
      {isLoading ? (
        <div class="log">
          <Bars count={7} />
        </div>
      ) : (
        <Log />
      )}
      {!isAtEnd.value && !isLoading && <Newest />}
      <Composer />
    </section>
  );
}

const PHONE = 768;
/** Height of a row that was not measured yet (px). */
const estimate = (index: number) => {
  const row = rows.peek()[index];
  if (innerWidth >= PHONE) return 28;
  return row?.kind === "event" ? 52 : row?.kind === "fold" || row?.kind === "earlier" ? 44 : 28;
};

/** Older or newer events are read before the person comes to the end of those that are there (px). */
const NEAR = 1_200;

function Log() {
  const { box, part, onScroll, show } = useVirtual({
    keys: keys.value,
    estimate,
    isFixed: (index) => rows.peek()[index]?.kind === "event",
    isAtEnd: isAtEnd.value,
    onEnd: noteEnd,
    onScroll: readMore,
  });
  useLayoutEffect(() => seek(show));
  const present = rows.value.slice(part.from, part.to);
  useEffect(() => {
    const { scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
    if (clientHeight > 0 && scrollHeight <= clientHeight) readMore(0, NEAR);
    if (clientHeight > 0) markSeen(present);
  });
  return (
    <div
      class="log"
      ref={box}
      role="log"
      aria-live="off"
      aria-label="Events, newest last"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
      tabIndex={0}
      onScroll={onScroll}
    >
      <div class="list">
        <div style={{ height: `${part.before}px` }} />
        {present.map(drawn)}
        <div style={{ height: `${part.after}px` }}>
          <LogHint />
        </div>
      </div>
    </div>
  );
}

const drawings = new WeakMap<Row, VNode>();

/** The drawing of a row, which is the same as long as the row is. */
function drawn(row: Row): VNode {
  const known = drawings.get(row);
  if (known !== undefined) return known;
  const drawing = (
    <div class="row" key={row.key}>
      <StreamRow row={row} />
    </div>
  );
  drawings.set(row, drawing);
  return drawing;
}

function seek(show: (key: string) => void): void {
  if (sought.value !== undefined) show(sought.value);
  sought.value = undefined;
}

function noteEnd(isThere: boolean): void {
  isAtEnd.value = isThere && !feed.value.newer;
  if (isAtEnd.value) unseen.value = 0;
}

function readMore(before: number, after: number): void {
  if (isReading.value || readProblem.value !== undefined || link.value.state !== "live") return;
  if (before < NEAR && feed.value.older) void readOlder();
  else if (after < NEAR && feed.value.newer) void readNewer();
}

/** Says why there is nothing, or nothing more. */
function LogHint() {
  if (readProblem.value !== undefined)
    return (
      <p class="hint">
        Older events were not read.
        <button type="button" class="btn s" onClick={() => readOlder()}>
          Try again
        </button>
      </p>
    );
  if (rows.value.length > 0) return null;
  if (isReading.value) return <p class="hint">Searching…</p>;
  return isFiltered.value ? (
    <p class="hint">
      Nothing matches.
      <button type="button" class="btn s" onClick={() => setFilter(CLEARED)}>
        Show everything
      </button>
    </p>
  ) : (
    <p class="hint">Nothing has happened yet.</p>
  );
}

const CLEARED = {
  ...NO_FILTER,
  repo: undefined,
  type: undefined,
  sender: undefined,
  session: undefined,
  since: undefined,
};

function Newest() {
  return (
    <div class="newest">
      <button
        type="button"
        class="btn s"
        onClick={async () => {
          await toNewest();
          isAtEnd.value = true;
        }}
      >
        Newest{unseen.value > 0 && ` ${unseen.value}`}
        <Icon name="down" />
      </button>
    </div>
  );
}
