import { useSignal } from "@preact/signals";
import { HealthButton } from "./health.tsx";
import { Icon } from "./icons.tsx";
import { MuteButton } from "./mute.tsx";
import { isHelpOpen, link, sessions } from "./state.ts";
import { filter, setFilter } from "./stream_state.ts";
import { nextTheme, theme } from "./theme.ts";
import { counted } from "./words.ts";

/** The top bar: name, health, counts, search, theme and help. */
export function Top() {
  const isFinding = useSignal(false);
  return (
    <header class="top">
      <div class="brand">
        <Icon name="bus" />
        <h1>agent-event-bus</h1>
        <HealthButton />
        {link.value.state !== "loading" && <span class="count">{countWords()}</span>}
      </div>
      <Search
        isFinding={isFinding.value}
        onLeave={() => {
          isFinding.value = false;
        }}
      />
      <Tools
        onFind={() => {
          isFinding.value = true;
          requestAnimationFrame(focusSearch);
        }}
      />
    </header>
  );
}

function Tools({ onFind }: { onFind(): void }) {
  return (
    <div class="tools">
      <button type="button" class="icon find-btn" aria-label="Search" onClick={onFind}>
        <Icon name="search" />
      </button>
      <MuteButton />
      <ThemeButton />
      <button
        type="button"
        class="icon"
        aria-label="Keys and signs"
        title="Keys and signs (?)"
        onClick={() => {
          isHelpOpen.value = true;
        }}
      >
        <Icon name="help" />
      </button>
    </div>
  );
}

function countWords(): string {
  const machines = new Set(sessions.value.map(({ machine }) => machine)).size;
  return `${counted(sessions.value.length, "session")} on ${counted(machines, "machine")}`;
}

export function focusSearch(): void {
  document.querySelector<HTMLElement>("#search")?.focus();
}

/** A search begins when the person stops typing for this time (ms). */
const TYPING_MS = 250;
let typing: ReturnType<typeof setTimeout> | undefined;

function Search({ isFinding, onLeave }: { isFinding: boolean; onLeave(): void }) {
  return (
    <label class={isFinding ? "find on" : "find"}>
      <Icon name="search" />
      <span class="vh">Search</span>
      <input
        id="search"
        type="search"
        placeholder="Search messages and sessions"
        defaultValue={filter.peek().text}
        onBlur={onLeave}
        onInput={({ currentTarget }) => {
          clearTimeout(typing);
          typing = setTimeout(() => setFilter({ text: currentTarget.value.trim() }), TYPING_MS);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || event.currentTarget.value === "") return;
          event.currentTarget.value = "";
          setFilter({ text: "" });
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;

function ThemeButton() {
  const label = `Theme: ${theme.value === "auto" ? "as the system" : theme.value}`;
  return (
    <button type="button" class="icon" aria-label={label} title={label} onClick={nextTheme}>
      <Icon name={THEME_ICONS[theme.value]} />
    </button>
  );
}
