import { useSignal, useSignalEffect } from "@preact/signals";
import type { Json } from "../lib/json.ts";
import { call } from "./bus.ts";
import { plain } from "./characters.ts";
import { Menu } from "./menu.tsx";
import { answer, dismiss, settle } from "./need_state.ts";
import { OwnWords } from "./own_words.tsx";
import { isLive, sessionName, sessions } from "./state.ts";
import { feed } from "./stream_state.ts";
import { Text } from "./text.tsx";
import type { Event, Need } from "./types.ts";

/** A question to the person by an event, or a call for help. */
export function MessageNeed({ need, busy }: { need: Need; busy: boolean }) {
  const text = useWholeText(need);
  const isStill = busy || !isLive.value;
  return (
    <>
      <p class="say">
        <Text>{text}</Text>
      </p>
      <div class="push" />
      <OwnWords
        label={`Reply to ${plain(need.name)}`}
        placeholder="Reply"
        busy={busy}
        onSend={(words) => answer(need, [words], `You answered ${plain(need.name)}: ${words}`)}
      />
      <div class="acts">
        {need.kind === "help" && (
          <Menu
            class="btn"
            label={`Pass on to… another session, for ${plain(need.name)}`}
            disabled={isStill}
            choices={() =>
              othersThan(need).map(({ session_id, name, repo }) => ({
                value: session_id,
                label: name,
                detail: plain(repo),
              }))
            }
            onChoose={(id) => passOn(need, text, id)}
          >
            Pass on to…
          </Menu>
        )}
        <button type="button" class="btn" disabled={isStill} onClick={() => dismiss(need)}>
          Mark as read
        </button>
      </div>
    </>
  );
}

function othersThan({ session_id: asks }: Need) {
  return sessions.value.filter(({ session_id }) => session_id !== asks);
}

/** The event's whole text. A need has only its start. */
function useWholeText({ event_id, text }: Need): string {
  const whole = useSignal<string | undefined>(undefined);
  useSignalEffect(() => {
    if (event_id === null || whole.peek() !== undefined) return;
    const known = feed.value.events.find(({ id }) => id === event_id);
    if (known !== undefined) whole.value = textIn(known);
    else if (text.endsWith("…")) void read(event_id).then((event) => (whole.value = event && textIn(event)));
  });
  return whole.value ?? text;
}

function textIn({ title, payload }: Event): string {
  return title === undefined ? payload : `${title}\n${payload}`;
}

async function read(id: number): Promise<Event | undefined> {
  const args = { cursor: String(id - 1), order: "asc", limit: 1, peek: true };
  const result: Json = await call("get_events", args).catch(() => ({}));
  return (result.events as Event[] | undefined)?.find((event) => event.id === id);
}

function passOn(need: Need, text: string, id: string): Promise<boolean> {
  const payload = `${need.name} (${need.repo ?? "?"}) needs help: ${text}\nAnswer it with: reply ${need.event_id}`;
  return settle(need, `Passed on to ${plain(sessionName(id))}`, async () => {
    await call("publish_event", { event_type: "message", channel: `session:${id}`, payload });
    await call("answer", { need_id: need.need_id, dismiss: true });
  });
}
