import { effect, signal } from "@preact/signals";
import { keep, kept } from "./storage.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** `auto`: as the system. */
export const theme = signal<Theme>(THEMES.find((one) => one === kept("theme")) ?? "auto");

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
  keep("theme", theme.value);
}

/** Shows the theme, now and when it changes. */
export function followTheme(): void {
  effect(() => {
    const { dataset } = document.documentElement;
    if (theme.value === "auto") delete dataset.theme;
    else dataset.theme = theme.value;
  });
}
