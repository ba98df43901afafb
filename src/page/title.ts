import { effect } from "@preact/signals";
import { waitingCount } from "./needs.tsx";

const NAME = "agent-event-bus";

/** Shows the count of needs in the title and in the icon of the tab. */
export function followCount(): void {
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const calm = icon?.href;
  effect(() => {
    const count = waitingCount();
    document.title = count === 0 ? NAME : `(${count}) ${NAME}`;
    if (icon && calm) icon.href = count === 0 ? calm : WAITING;
  });
}

const WAITING = `data:image/svg+xml,${encodeURIComponent(
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18' fill='none' stroke='#676b74' stroke-width='1.6'>" +
    "<path d='M2 9h14M4.5 5.75V9M9 9v3.25'/><circle cx='4.5' cy='4' r='1.75'/><circle cx='9' cy='14' r='1.75'/>" +
    "<circle cx='13.5' cy='4.5' r='4' fill='#c07708' stroke='none'/></svg>",
)}`;
