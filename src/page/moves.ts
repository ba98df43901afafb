import { ClickGuard } from "./guard.ts";

const BUTTONS = "[data-guard] :is(button, label)";

function isGuarded(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-guard]") !== null;
}

/** True for a change within a section that is guarded, and of the sections themselves. */
function isOfGuarded({ target }: MutationRecord): boolean {
  return isGuarded(target) || (target instanceof Element && target.matches("#page, .app, .rail"));
}

/** Lets buttons ignore a click if they moved under the pointer just before. */
export function guardClicks(): void {
  const guard = new ClickGuard<Element>();
  let isDirty = false;
  const look = (isScroll = false) => {
    isDirty = false;
    const buttons = [...document.querySelectorAll(BUTTONS)];
    guard.look(
      new Map(buttons.map((one) => [one, one.getBoundingClientRect()])),
      performance.now(),
      isScroll,
    );
  };
  const lookSoon = () => {
    if (!isDirty) requestAnimationFrame(() => isDirty && look());
    isDirty = true;
  };
  new MutationObserver((records) => records.some(isOfGuarded) && lookSoon()).observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["class", "hidden", "data-tab"],
  });
  addEventListener("resize", lookSoon);
  addEventListener("scroll", ({ target }) => isGuarded(target) && look(true), {
    capture: true,
    passive: true,
  });
  addEventListener(
    "click",
    (event) => {
      const button = event.target instanceof Element ? event.target.closest(BUTTONS) : null;
      // A key press has no pointer that something could move under.
      if (button === null || event.detail === 0) return;
      if (isDirty) look();
      if (guard.mayClick(button, performance.now())) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
}
