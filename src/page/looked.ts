import { now } from "./state.ts";
import { keep, kept } from "./storage.ts";
import { lookedAt } from "./stream_state.ts";

/** Remembers when the person last looked, for the line "New since". */
export function watchLooks(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep("looked_at", String(now.value));
    else lookedAt.value = Number(kept("looked_at") ?? 0);
  });
  addEventListener("pagehide", () => keep("looked_at", String(now.value)));
}
