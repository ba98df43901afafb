import { beginning } from "../lib/graphemes.ts";
import { lineOf, plain } from "./characters.ts";
import { Delivery, deliverySign } from "./delivery.tsx";
import { foldDetails, foldWords } from "./folds.ts";
import { Icon } from "./icons.tsx";
import { OpenRow } from "./open_row.tsx";
import { audienceOf, isDirect, type Party, senderOf } from "./parties.ts";
import { NEED_ANSWERED, type Row } from "./rows.ts";
import { names, now } from "./state.ts";
import { opened, toggle } from "./stream_state.ts";
import { Line, Text } from "./text.tsx";
import type { Event } from "./types.ts";
import { clockOf, dayName, dayOf, momentOf } from "./words.ts";

/** One row of the stream. */
export function StreamRow({ row }: { row: Row }) {
  switch (row.kind) {
    case "day":
      return <div class="day">{dayName(row.time, now.value)}</div>;
    case "fresh":
      return <div class="fresh">New since {momentOrClock(row.since)}</div>;
    case "earlier":
      return <Earlier row={row} />;
    case "fold":
      return <Fold row={row} />;
    default:
      return <EventRow row={row} />;
  }
}

function momentOrClock(time: number): string {
  return dayOf(time) === dayOf(now.value) ? clockOf(time) : `${momentOf(time, now.value)} ${clockOf(time)}`;
}

function Earlier({ row: { thread, count, isOpen } }: { row: Extract<Row, { kind: "earlier" }> }) {
  return (
    <button type="button" class="fold earlier" aria-expanded={isOpen} onClick={() => toggle(thread)}>
      <Icon name="chevron" />
      {count} earlier
    </button>
  );
}

function Fold({ row: { key, events } }: { row: Extract<Row, { kind: "fold" }> }) {
  const isOpen = opened.value.has(key);
  return (
    <>
      <button type="button" class="fold" aria-expanded={isOpen} onClick={() => toggle(key)}>
        <Icon name="chevron" />
        {foldWords(events)}
      </button>
      {isOpen && (
        <div class="folded">
          <Text>{foldDetails(events, names.value).join(" · ")}</Text>
        </div>
      )}
    </>
  );
}

type EventRowProps = { row: Extract<Row, { kind: "event" }> };

function EventRow({ row }: EventRowProps) {
  const { key, event, reply, isAnswered } = row;
  const isOpen = opened.value.has(key);
  const { from, to } = partiesOf(event);
  const isQuiet = event.signal_level !== "actionable" && event.event_type !== NEED_ANSWERED;
  const classes = ["ev", isQuiet && "info", reply && "re", reply === "mid" && "mid"];
  return (
    <>
      <button
        type="button"
        class={classes.filter(Boolean).join(" ")}
        data-id={event.id}
        aria-expanded={isOpen}
        onClick={(click) => {
          // Text that is being marked stays as it is.
          if (!isMarking(click.currentTarget)) toggle(key);
        }}
      >
        <time dateTime={event.timestamp}>{clockOf(event.timestamp)}</time>
        <span class="who">
          <Sender party={from} />
          <Icon name="right" />
          <span class="vh">to</span>
          <Audience party={to} />
        </span>
        <span class={`ty ${typeSign(event)}`}>
          <Line>{typeWords(event)}</Line>
        </span>
        <EventText event={event} isOpen={isOpen} />
        <Delivery sign={deliverySign(event, isAnswered)} />
      </button>
      {isOpen && <OpenRow event={event} />}
    </>
  );
}

function isMarking(row: HTMLElement): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && row.contains(selection.anchorNode);
}

/** Who an event is from and for. An answer to a dialog is for the session that asked. */
function partiesOf(event: Event): { from: Party; to: Party } {
  const from = senderOf(event, names.value);
  const asker =
    event.event_type === NEED_ANSWERED ? event.tags?.find((tag) => tag.startsWith("session:")) : undefined;
  return { from, to: audienceOf(asker === undefined ? event : { channel: asker }, names.value) };
}

function Sender({ party: { kind, name } }: { party: Party }) {
  return (
    <b class={kind === "you" ? "me" : undefined}>
      <Line>{name}</Line>
    </b>
  );
}

function Audience({ party }: { party: Party }) {
  if (party.kind === "you" || party.kind === "session") return <Sender party={party} />;
  return (
    <span class="to">
      {party.kind === "repo" && <Icon name="repo" />}
      <i>
        <Line>{party.name}</Line>
      </i>
    </span>
  );
}

function typeSign(event: Event): "wait" | "fail" | "" {
  const { event_type, signal_level } = event;
  if (signal_level !== "actionable") return "";
  if (/fail|error/.test(event_type)) return "fail";
  return event_type === "help_needed" || !isDirect(event) || event_type === "answer_refused" ? "wait" : "";
}

function typeWords({ event_type }: Event): string {
  return event_type === NEED_ANSWERED ? "answer" : event_type;
}

/** Longest text of an open row (characters). */
const MOST_SHOWN = 20_000;

function EventText({ event, isOpen }: { event: Event; isOpen: boolean }) {
  const { title, payload, event_type } = event;
  const head = event_type === NEED_ANSWERED ? undefined : title;
  if (!isOpen)
    return (
      <span class="tx" title={plain(lineOf(payload, 600))}>
        {head !== undefined && (
          <>
            <b>
              <Line>{head}</Line>
            </b>
            {payload !== "" && " · "}
          </>
        )}
        <Line>{event_type === NEED_ANSWERED ? payload.replace(/\n(?=[^\n]*$)/, ": ") : payload}</Line>
      </span>
    );
  const shown = beginning(payload, MOST_SHOWN);
  const left = payload.length - shown.length;
  return (
    <span class="tx">
      {head !== undefined && (
        <b>
          <Text>{`${head}\n`}</Text>
        </b>
      )}
      <Text>{shown}</Text>
      {left > 0 && ` … and ${left} characters more`}
    </span>
  );
}
