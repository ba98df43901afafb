import { batch } from "@preact/signals";
import { takeNeeds } from "./need_state.ts";
import { health, hello, learnNames, link, mail, problems, sessions, setClock, today } from "./state.ts";
import { forgetEvents, takeEvents } from "./stream_state.ts";
import type { Event, Health, Hello, Names, Need, Problem, Session, Steps, Today } from "./types.ts";

/** Most direct messages whose delivery is remembered. */
const MOST_MAIL = 3_000;

/** Parts of the stream, by the name of their message. */
const PARTS: Readonly<Record<string, (data: never) => void>> = {
  hello(data: Hello) {
    hello.value = data;
    setClock(data.now);
    if (data.resumed === false) forgetEvents();
  },
  sessions(data: readonly Session[]) {
    sessions.value = data;
  },
  needs(data: readonly Need[]) {
    takeNeeds(data);
    // Sent at every connection, after the sessions.
    if (link.value.state !== "live") link.value = { state: "live" };
  },
  trouble(data: readonly Problem[]) {
    problems.value = data;
  },
  today(data: Today) {
    today.value = data;
  },
  health(data: Health) {
    health.value = data;
  },
  events(data: { events: readonly Event[]; names?: Names }) {
    if (data.names !== undefined) learnNames(data.names);
    takeEvents(data.events);
  },
  mail(data: Readonly<Record<string, Steps>>) {
    const all = Object.entries({ ...mail.value, ...data });
    mail.value = Object.fromEntries(all.slice(-MOST_MAIL));
  },
  view(data: Readonly<Record<string, unknown>>) {
    for (const [name, part] of Object.entries(data)) if (name !== "view") take(name, part);
  },
};

/** Takes one message of the stream. Unknown ones of a newer bus are left alone. */
export function take(name: string, data: unknown): void {
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part !== undefined) batch(() => part(data as never));
}
