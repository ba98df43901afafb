import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";
import { isHelpOpen } from "./state.ts";

const KEYS: readonly (readonly [does: string, ...keys: string[]])[] = [
  ["Search", "/"],
  ["To what needs you", "n"],
  ["Next, previous message", "j", "k"],
  ["Answer a question", "1", "–", "9"],
  ["Open a message", "enter"],
  ["Allow once, deny", "a", "d"],
  ["Reply", "r"],
  ["Write a message", "c"],
  ["Theme", "t"],
  ["Leave a field", "esc"],
];

const STEPS: readonly (readonly [icon: IconName, means: string, look?: string])[] = [
  ["stored", "stored: on the bus"],
  ["offered", "offered: handed to its hook"],
  ["seen", "seen: in its context"],
  ["acked", "acked: dealt with", "dot-busy"],
  ["lost", "not delivered", "dot-fail"],
];

const STATES: readonly (readonly [icon: IconName, means: string, look?: string])[] = [
  ["dot_busy", "busy", "dot-busy"],
  ["dot_idle", "idle", "dot-idle"],
  ["dot_wait", "needs you", "dot-wait"],
  ["dot_fail", "unreachable", "dot-fail"],
];

/** Keys and signs of the page. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isHelpOpen.value]);
  const close = () => {
    isHelpOpen.value = false;
  };
  return (
    <dialog ref={dialog} aria-labelledby="h-help" onClose={close}>
      <div class="sec">
        <h2 id="h-help">Keys and signs</h2>
        <button type="button" class="icon" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <dl class="keys">
        {KEYS.map(([does, ...keys]) => (
          <div key={does}>
            <dt>{does}</dt>
            <dd>{keys.map((key) => (key === "–" ? key : <kbd key={key}>{key}</kbd>))}</dd>
          </div>
        ))}
      </dl>
      <Legend title="How far a message came" signs={STEPS} />
      <Legend title="Sessions" signs={STATES} />
    </dialog>
  );
}

function Legend({ title, signs }: { title: string; signs: typeof STEPS }) {
  return (
    <>
      <h3>{title}</h3>
      <ul class="legend">
        {signs.map(([icon, means, look]) => (
          <li key={icon}>
            <Icon name={icon} class={look} />
            {means}
          </li>
        ))}
      </ul>
    </>
  );
}
