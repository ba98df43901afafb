import { plain } from "./characters.ts";
import type { Filter } from "./filter.ts";
import { Icon } from "./icons.tsx";
import { type Choice, Menu } from "./menu.tsx";
import { senderOf } from "./parties.ts";
import { names, now, sessionName, sessions } from "./state.ts";
import { filter, senders, setFilter, types } from "./stream_state.ts";
import { Line } from "./text.tsx";

/** Chooses which events the stream shows. */
export function Filters() {
  const { session } = filter.value;
  return (
    <div class="bar" role="toolbar" aria-label="Filter the stream">
      <h2 id="h-stream">Stream</h2>
      <Toggle field="direct" label="Direct" />
      <Toggle field="actionable" label="Actionable" />
      <Toggle field="withYou" label="With you" class="chip opt" />
      {session !== undefined && (
        <button
          type="button"
          class="chip on"
          aria-label={`Show all sessions, not only ${plain(sessionName(session))}`}
          onClick={() => setFilter({ session: undefined })}
        >
          <Line>{sessionName(session)}</Line>
          <Icon name="close" />
        </button>
      )}
      <Choose field="repo" label="Repository" choices={repoChoices} />
      <Choose field="type" label="Type" choices={() => types.value.map(same)} class="chip opt" />
      <Choose field="sender" label="Sender" choices={senderChoices} class="chip opt" />
      <span class="end">
        <Since />
      </span>
    </div>
  );
}

type Flag = "direct" | "actionable" | "withYou";

function Toggle({ field, label, class: of = "chip" }: { field: Flag; label: string; class?: string }) {
  const isOn = filter.value[field];
  return (
    <button type="button" class={of} aria-pressed={isOn} onClick={() => setFilter({ [field]: !isOn })}>
      {label}
    </button>
  );
}

const same = (value: string): Choice<string> => ({ value, label: value });

function repoChoices(): Choice<string>[] {
  return [...new Set(sessions.value.map(({ repo }) => repo))].map(same);
}

function senderChoices(): Choice<string>[] {
  return senders.value.map((session_id) => ({
    value: session_id,
    label: senderName(session_id),
  }));
}

function senderName(session_id: string): string {
  return senderOf({ session_id } as Parameters<typeof senderOf>[0], names.value).name;
}

interface ChooseProps {
  field: "repo" | "type" | "sender";
  label: string;
  choices(): readonly Choice<string>[];
  class?: string;
}

function Choose({ field, label, choices, class: of = "chip" }: ChooseProps) {
  const value = filter.value[field];
  const chosen = field === "sender" && value !== undefined ? senderName(value) : value;
  const any: Choice<string | undefined> = { value: undefined, label: "Any" };
  return (
    <Menu<string | undefined>
      class={value === undefined ? of : `${of} on`}
      label={chosen === undefined ? label : `${label}: ${plain(chosen)}`}
      choices={() => (value === undefined ? choices() : [any, ...choices()])}
      value={value}
      onChoose={(next) => setFilter({ [field]: next })}
    >
      {chosen === undefined ? label : <Line>{chosen}</Line>}
      <Icon name="down" />
    </Menu>
  );
}

const HOUR = 3_600_000;

/** Spans to choose from, with their start. */
const SPANS: readonly (readonly [label: string, start: (now: number) => number])[] = [
  ["Since an hour ago", (at) => at - HOUR],
  ["Since today", (at) => new Date(at).setHours(0, 0, 0, 0)],
  ["Since yesterday", (at) => new Date(at - 24 * HOUR).setHours(0, 0, 0, 0)],
  ["Since a week ago", (at) => at - 7 * 24 * HOUR],
];

let chosenSpan: string | undefined;

function Since() {
  const { since }: Filter = filter.value;
  const label = since === undefined ? "Any time" : (chosenSpan ?? "Since");
  return (
    <Menu<string>
      class={since === undefined ? "chip" : "chip on"}
      label={label}
      choices={() => ["Any time", ...SPANS.map(([name]) => name)].map(same)}
      value={label}
      onChoose={(name) => {
        const start = SPANS.find(([known]) => known === name)?.[1];
        chosenSpan = name;
        setFilter({ since: start && new Date(start(now.value)).toISOString() });
      }}
    >
      {label}
      <Icon name="down" />
    </Menu>
  );
}
