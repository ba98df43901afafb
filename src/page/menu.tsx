import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Line } from "./text.tsx";

export interface Choice<Value> {
  value: Value;
  /** Untrusted. */
  label: string;
  detail?: string;
}

interface Props<Value> {
  class: string;
  /** For screen readers. */
  label: string;
  /** Asked when the list opens. */
  choices(): readonly Choice<Value>[];
  value?: Value;
  disabled?: boolean;
  onChoose(value: Value): void;
  children: ComponentChildren;
}

/** A button that opens a list of choices. */
export function Menu<Value>({ class: of, label, disabled = false, children, ...list }: Props<Value>) {
  const id = useId();
  const isOpen = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const popup = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (isOpen.value) show(popup.current, button.current);
  }, [isOpen.value]);
  return (
    <>
      <button
        type="button"
        ref={button}
        class={of}
        aria-label={label}
        title={of.startsWith("icon") ? label : undefined}
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        disabled={disabled}
        popoverTarget={id}
      >
        {children}
      </button>
      <div
        id={id}
        ref={popup}
        popover="auto"
        role="menu"
        class="menu"
        aria-label={label}
        onToggle={(event) => {
          isOpen.value = event.newState === "open";
        }}
        onKeyDown={walk}
      >
        {isOpen.value && <Choices {...list} close={() => popup.current?.hidePopover()} />}
      </div>
    </>
  );
}

function Choices<Value>({
  choices,
  value,
  onChoose,
  close,
}: Pick<Props<Value>, "choices" | "value" | "onChoose"> & { close(): void }) {
  const all = choices();
  return (
    <>
      {all.map((choice) => (
        <button
          type="button"
          role="menuitemradio"
          key={`${choice.value}`}
          aria-checked={choice.value === value}
          onClick={() => {
            close();
            onChoose(choice.value);
          }}
        >
          <b>
            <Line>{choice.label}</Line>
          </b>
          {choice.detail !== undefined && <span>{choice.detail}</span>}
        </button>
      ))}
      {all.length === 0 && <p>Nothing to choose from yet.</p>}
    </>
  );
}

/** Places a popup, and goes to what is chosen in it. */
function show(popup: HTMLElement | null, button: HTMLElement | null): void {
  if (popup === null || button === null) return;
  place(popup, button);
  const items = [...popup.querySelectorAll("button")];
  (items.find((item) => item.ariaChecked === "true") ?? items[0])?.focus();
}

const GAP = 4;
const EDGE = 8;

/** Puts a popup below its button, or above it where there is more room. */
export function place(popup: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { width, height } = popup.getBoundingClientRect();
  const below = at.bottom + GAP;
  const top = below + height <= innerHeight - EDGE ? below : Math.max(EDGE, at.top - GAP - height);
  popup.style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - width - EDGE))}px`;
  popup.style.top = `${top}px`;
}

/** Moves through the items of a menu by keys. */
function walk(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const items = [...event.currentTarget.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  const begins = items.findIndex(
    (item, index) => index !== at && item.textContent?.toLowerCase().startsWith(event.key.toLowerCase()),
  );
  const target = next !== undefined ? items.at(next % items.length) : items[begins];
  event.stopPropagation();
  if (target === undefined || (next === undefined && event.key.length > 1)) return;
  event.preventDefault();
  target.focus();
}
