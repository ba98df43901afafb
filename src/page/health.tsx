import { useId, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { place } from "./menu.tsx";
import { health, hello, link } from "./state.ts";
import { Line, Text } from "./text.tsx";

/** The health of the bus. Opens the details. */
export function HealthButton() {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const { words, sign } = stateOf();
  return (
    <>
      <button
        type="button"
        ref={button}
        class="health"
        aria-label={`Health: ${words}, show details`}
        popoverTarget={id}
      >
        <Icon name={`dot_${sign}`} class={`dot-${sign}`} />
        <span>{words}</span>
      </button>
      <div
        id={id}
        popover="auto"
        class="menu"
        onToggle={({ currentTarget, newState }) => {
          if (newState === "open" && button.current !== null) place(currentTarget, button.current);
        }}
      >
        <Details />
      </div>
    </>
  );
}

function stateOf(): { words: string; sign: "busy" | "idle" | "fail" } {
  switch (link.value.state) {
    case "loading":
      return { words: "Connecting", sign: "idle" };
    case "live":
      return health.value.state === "running"
        ? { words: "Running", sign: "busy" }
        : { words: "Cannot write", sign: "fail" };
    default:
      return { words: "Not answering", sign: "fail" };
  }
}

function Details() {
  const { detail } = health.value;
  return (
    <>
      {hello.value && (
        <p>
          Version <Line>{hello.value.version}</Line>, on <Line>{hello.value.machine}</Line>.
        </p>
      )}
      {detail !== undefined && (
        <p>
          <Text>{detail}</Text>
        </p>
      )}
      <p class="meta">
        To check everything: <code>agent-event-bus doctor</code>
      </p>
    </>
  );
}
