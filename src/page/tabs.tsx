import { Icon, type IconName } from "./icons.tsx";
import { Badge, waitingCount } from "./needs.tsx";
import { problems, type Tab, tab } from "./state.ts";

const TABS: readonly (readonly [tab: Tab, icon: IconName, label: string])[] = [
  ["needs", "inbox", "Needs you"],
  ["sessions", "cards", "Sessions"],
  ["stream", "lines", "Stream"],
  ["trouble", "warning", "Trouble"],
];

/** The sections of a phone, at the thumb. */
export function Tabs() {
  return (
    <nav class="tabs" aria-label="Sections">
      {TABS.map(([name, icon, label]) => (
        <button
          type="button"
          key={name}
          aria-current={tab.value === name ? "page" : undefined}
          onClick={() => {
            tab.value = name;
          }}
        >
          <Icon name={icon} />
          {label}
          {name === "needs" && <Badge count={waitingCount()} />}
          {name === "trouble" && <Badge count={problems.value.length} class="badge red" />}
        </button>
      ))}
    </nav>
  );
}
