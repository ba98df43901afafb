import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Json } from "../lib/json.ts";
import { call } from "./bus.ts";
import { plain } from "./characters.ts";
import { Icon } from "./icons.tsx";
import { isDirect, isFromYou, originWords, senderOf } from "./parties.ts";
import { NEED_ANSWERED } from "./rows.ts";
import { isLive, mail, names } from "./state.ts";
import { Line, Refusal } from "./text.tsx";
import type { Event, Steps } from "./types.ts";
import { exactClock } from "./words.ts";

/** Below an open row: the times of its delivery, its id and origin, and a reply. */
export function OpenRow({ event }: { event: Event }) {
  if (event.id < 0) return <div class="open meta">It waits for you. Answer it above.</div>;
  const origin = originWords(event);
  return (
    <div class="open">
      <ul class="path">
        {isDirect(event) && event.event_type !== NEED_ANSWERED ? (
          <Path event={event} />
        ) : (
          <li>{exactClock(event.timestamp)}</li>
        )}
        <li>#{event.id}</li>
        {origin !== undefined && (
          <li>
            <Line>{origin}</Line>
          </li>
        )}
        {event.tags?.map((tag) => (
          <li key={tag}>
            <Line>{tag}</Line>
          </li>
        ))}
      </ul>
      {!isFromYou(event) && event.session_id !== "agent-event-bus" && <Reply event={event} />}
    </div>
  );
}

function Path({ event }: { event: Event }) {
  const read = useSignal<Steps | undefined>(undefined);
  const known = mail.value[event.id];
  useEffect(() => {
    if (known?.offered_at !== undefined) return;
    void call("get_delivery", { event_id: event.id })
      .then(({ deliveries }) => {
        read.value = (deliveries as Json[])[0] as Steps | undefined;
      })
      .catch(() => undefined);
  }, [event.id, known?.state]);
  const { offered_at, seen_at, acked_at } = { ...read.value, ...known };
  const steps = [
    ["stored", event.timestamp],
    ["offered", offered_at],
    ["seen", seen_at],
    ["acked", acked_at],
  ] as const;
  return (
    <>
      {steps.map(
        ([step, at]) =>
          at && (
            <li key={step}>
              <Icon name={step} />
              {step} {exactClock(at)}
            </li>
          ),
      )}
    </>
  );
}

function Reply({ event }: { event: Event }) {
  const text = useSignal("");
  const isBusy = useSignal(false);
  const problem = useSignal("");
  const send = async () => {
    const payload = text.value.trim();
    if (payload === "" || isBusy.value) return;
    isBusy.value = true;
    problem.value = "";
    try {
      await call("reply", { event_id: event.id, payload });
      text.value = "";
    } catch (error) {
      problem.value = `Not sent: ${(error as Error).message}`;
    }
    isBusy.value = false;
  };
  return (
    <form
      onSubmit={(submit) => {
        submit.preventDefault();
        void send();
      }}
    >
      <div class="acts">
        <ReplyField to={senderOf(event, names.value).name} text={text} />
        <button type="submit" class="btn" disabled={isBusy.value || !isLive.value}>
          Reply <kbd>r</kbd>
        </button>
      </div>
      <Refusal>{problem.value}</Refusal>
    </form>
  );
}

function ReplyField({ to, text }: { to: string; text: Signal<string> }) {
  return (
    <div class="field">
      <input
        aria-label={`Reply to ${plain(to)}`}
        placeholder="Reply"
        value={text}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
    </div>
  );
}
