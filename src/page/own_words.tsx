import { useSignal } from "@preact/signals";
import { Icon } from "./icons.tsx";
import { isLive } from "./state.ts";

interface Props {
  /** For screen readers. */
  label: string;
  placeholder: string;
  busy: boolean;
  /** The text stays if this tells false. */
  onSend(text: string): Promise<boolean>;
}

/** A field for the person's own words, with a button to send them. */
export function OwnWords({ label, placeholder, busy, onSend }: Props) {
  const text = useSignal("");
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        const words = text.value.trim();
        if (words === "" || busy || !isLive.value) return;
        void onSend(words).then((isSent) => {
          if (isSent) text.value = "";
        });
      }}
    >
      <input
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      <button type="submit" class="icon" aria-label="Send" disabled={busy || !isLive.value}>
        <Icon name="send" />
      </button>
    </form>
  );
}
