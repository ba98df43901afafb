import { computed, signal } from "@preact/signals";
import type { Health, Hello, Need, Problem, Session, Steps, Today } from "./types.ts";

/** How the page stands to its bus. `away`: it does not answer. `retryAt`: the next try (ms since 1970). */
export type Link =
  | { state: "loading" }
  | { state: "live" }
  | { state: "away"; since: number; retryAt: number }
  | { state: "signed_out" };

export const link = signal<Link>({ state: "loading" });
export const isLive = computed(() => link.value.state === "live");

export const hello = signal<Hello | undefined>(undefined);
export const sessions = signal<readonly Session[]>([]);
export const needs = signal<readonly Need[]>([]);
export const problems = signal<readonly Problem[]>([]);
export const today = signal<Today>({ wakes: 0, bytes: 0 });
export const health = signal<Health>({ state: "running" });
/** Names by session id, of all events that were seen. */
export const names = signal<Readonly<Record<string, string>>>({});
/** Adds names. What shows names is drawn again only if one of them is new. */
export function learnNames(more: Readonly<Record<string, string>>): void {
  const known = names.peek();
  if (Object.entries(more).some(([id, name]) => known[id] !== name)) names.value = { ...known, ...more };
}
/** Delivery of direct messages, by event id. */
export const mail = signal<Readonly<Record<string, Steps>>>({});

/** The bus's clock against the browser's (ms). */
let skew = 0;
/** The bus's time, once a second. */
export const now = signal(Date.now());

/** Sets the clock of the page by the bus's. */
export function setClock(time: string | number): void {
  skew = new Date(time).getTime() - Date.now();
  tick();
}

export function tick(): void {
  now.value = Date.now() + skew;
}

/** The section that a phone shows. */
export type Tab = "needs" | "sessions" | "stream" | "trouble";
export const tab = signal<Tab>("needs");
export const isHelpOpen = signal(false);

/** Name of a session, as far as it is known. */
export function sessionName(id: string): string {
  return sessions.value.find(({ session_id }) => session_id === id)?.name ?? names.value[id] ?? id;
}

const MANY_SESSIONS = 10;
/** With many sessions, those that rest take one line, and problems fold. */
export const isCrowded = computed(() => sessions.value.length > MANY_SESSIONS);

/** Direct messages that did not arrive, by event id. */
export const undelivered = computed(
  () => new Set(problems.value.flatMap((one) => (one.kind === "undelivered" ? [one.event_id] : []))),
);

/** Events that wait for the person's answer. */
export const waiting = computed(
  () => new Set(needs.value.flatMap(({ event_id }) => (event_id === null ? [] : [event_id]))),
);
