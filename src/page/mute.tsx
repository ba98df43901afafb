import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "./bus.ts";
import { Icon } from "./icons.tsx";
import { Menu } from "./menu.tsx";
import { isLive, now } from "./state.ts";
import { momentOf } from "./words.ts";

const CHOICES = [
  { value: "1h", label: "For an hour" },
  { value: "today", label: "For today" },
  { value: "always", label: "Always" },
  { value: "off", label: "Show notifications" },
] as const;

/** Mutes the notifications of the desktop and the phone. */
export function MuteButton() {
  /** RFC 3339, or `always`. Null if they are on. */
  const until = useSignal<string | null>(null);
  const problem = useSignal<string | undefined>(undefined);
  const ask = async (time?: string) => {
    try {
      const { muted_until } = await call("mute_notifications", time === undefined ? {} : { time });
      until.value = (muted_until ?? null) as string | null;
      problem.value = undefined;
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  useEffect(() => {
    if (isLive.value) void ask();
  }, [isLive.value]);
  const isMuted = until.value !== null && (until.value === "always" || Date.parse(until.value) > now.value);
  const label = problem.value ?? labelOf(isMuted ? until.value : null);
  return (
    <Menu<string>
      class={isMuted ? "icon muted" : "icon"}
      label={label}
      disabled={!isLive.value}
      choices={() => (isMuted ? CHOICES : CHOICES.filter(({ value }) => value !== "off"))}
      onChoose={(time) => void ask(time)}
    >
      <Icon name={isMuted ? "bell_off" : "bell"} />
    </Menu>
  );
}

function labelOf(until: string | null): string {
  if (until === null) return "Mute notifications";
  return until === "always"
    ? "Notifications are muted"
    : `Notifications are muted until ${momentOf(until, now.value)}`;
}
