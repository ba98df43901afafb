import { focusComposer } from "./composer_state.ts";
import { isHelpOpen, tab } from "./state.ts";
import { nextTheme } from "./theme.ts";
import { focusSearch } from "./top.tsx";

/** Keys that work anywhere but in a field. */
const KEYS: Readonly<Record<string, () => void>> = {
  "/": focusSearch,
  "?": () => {
    isHelpOpen.value = true;
  },
  n: toNeed,
  j: () => step(1),
  k: () => step(-1),
  r: () => void reply(),
  c: focusComposer,
  t: nextTheme,
};

/** Listens to the keyboard for as long as the page is open. */
export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return;
    if (target.matches("textarea, input:not([type=checkbox], [type=radio])")) {
      if (key === "Escape") target.blur();
      return;
    }
    if (isHelpOpen.value || target.closest("[popover]") !== null) return;
    const work = inCard(target, key) ?? KEYS[key];
    if (work === undefined) return;
    event.preventDefault();
    work();
  });
}

/** Answers by keys hold within a card only. */
function inCard(target: HTMLElement, key: string): (() => void) | undefined {
  const button = target.closest(".need")?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  return button ? () => button.click() : undefined;
}

function toNeed(): void {
  const isShown = tab.value === "needs";
  tab.value = "needs";
  if (isShown) focusNeed();
  else requestAnimationFrame(focusNeed);
}

/** Focuses the first need, or the one after that in focus. */
function focusNeed(): void {
  const cards = [...document.querySelectorAll<HTMLElement>(".need:has(h3), .need-row")];
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  cards[(at + 1) % cards.length]?.focus();
}

const rows = () => [...document.querySelectorAll<HTMLElement>(".log :is(.ev, .fold)")];

/** Moves to the next row of the stream, or the one before. */
function step(by: number): void {
  const all = rows();
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? firstInSight(all, by) : all[at + by];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function firstInSight(all: readonly HTMLElement[], by: number): HTMLElement | undefined {
  const box = document.querySelector(".log")?.getBoundingClientRect();
  const inSight = all.filter((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return box !== undefined && top >= box.top && bottom <= box.bottom;
  });
  return by > 0 ? inSight[0] : inSight.at(-1);
}

/** Opens the row in focus, and goes to its reply. */
function reply(): void {
  const row = document.activeElement?.closest<HTMLElement>(".row");
  const button = row?.querySelector<HTMLElement>(".ev");
  if (!row || !button) return;
  if (button.ariaExpanded !== "true") button.click();
  requestAnimationFrame(() => row.querySelector("input")?.focus());
}
