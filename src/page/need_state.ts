import { signal } from "@preact/signals";
import type { Json } from "../lib/json.ts";
import { call } from "./bus.ts";
import { plain } from "./characters.ts";
import { needs, now } from "./state.ts";
import type { Need } from "./types.ts";

/** How long a card says how it was answered (ms). */
const SAID_MS = 1_600;

/** A need on the page. `said`: how it was answered, until it goes. */
export interface Card {
  need: Need;
  said?: string;
  busy?: boolean;
  /** Why the answer was refused. */
  problem?: string;
}

/** Cards in the order of their first appearance. */
export const cards = signal<readonly Card[]>([]);
/** The last answer given here, for the empty band. */
export const lastAnswer = signal<{ words: string; at: number } | undefined>(undefined);
/** One sentence for screen readers. */
export const announced = signal("");

/** Takes the open needs. New ones come last, and those that are gone say how they were answered. */
export function takeNeeds(open: readonly Need[]): void {
  needs.value = open;
  const byId = new Map(open.map((need) => [need.need_id, need]));
  const known = new Set(cards.value.map(({ need }) => need.need_id));
  const kept = cards.value.map((card) => {
    const need = byId.get(card.need.need_id);
    if (need !== undefined || card.said !== undefined || card.busy) return need ? { ...card, need } : card;
    void sayHowClosed(card.need);
    return { ...card, busy: true };
  });
  const news = open.filter(({ need_id }) => !known.has(need_id));
  cards.value = [...kept, ...news.map((need) => ({ need }))];
  const [first] = news;
  if (first !== undefined)
    announced.value = `${plain(first.name)} ${verbOf(first)}. ${cards.value.length} wait.`;
}

/** Headline of a need: `docs-2 asks`, without the name. */
export function verbOf({ kind, tool }: Need): string {
  switch (kind) {
    case "permission":
      if (tool === null) return "asks for permission";
      return `wants to ${tool === "Bash" ? "run" : "use"} ${plain(tool)}`;
    case "elicitation":
      return "shows a form";
    case "help":
      return "needs help";
    default:
      return "asks";
  }
}

function change(id: number, by: Partial<Card>): void {
  cards.value = cards.value.map((card) => (card.need.need_id === id ? { ...card, ...by } : card));
}

function say(id: number, said: string): void {
  change(id, { said, busy: false });
  announced.value = said;
  setTimeout(() => {
    cards.value = cards.value.filter(({ need }) => need.need_id !== id);
    if (announced.value === said) announced.value = "";
  }, SAID_MS);
}

async function sayHowClosed(need: Need): Promise<void> {
  say(need.need_id, await howClosed(need).catch(() => "Answered in its terminal"));
}

async function howClosed({ need_id, event_id, name }: Need): Promise<string> {
  const [now] = (await call("list_needs", { need_id })) as unknown as Json[];
  if (now?.state === "answered") {
    const place = { shell: "in a terminal", phone: "on a phone", page: "on another page" }[String(now.via)];
    return `You answered ${plain(name)} ${place ?? "elsewhere"}`;
  }
  const reason = String(now?.reason ?? "");
  if (reason === "" || (event_id === null && /terminal|dialog/.test(reason)))
    return "Answered in its terminal";
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`;
}

/** Does what answers a need. `said`: for the person, once it is done. A refusal stays on the card. */
export async function settle(need: Need, said: string, work: () => Promise<unknown>): Promise<boolean> {
  const id = need.need_id;
  change(id, { busy: true });
  try {
    await work();
  } catch (error) {
    const { problem: _, ...card } = cards.value.find((one) => one.need.need_id === id) ?? { need };
    const isOpen = needs.value.some(({ need_id }) => need_id === id);
    if (!isOpen) void sayHowClosed(need);
    else
      cards.value = cards.value.map((one) =>
        one.need.need_id === id ? { ...card, busy: false, problem: (error as Error).message } : one,
      );
    return false;
  }
  lastAnswer.value = { words: said.charAt(0).toLowerCase() + said.slice(1), at: now.value };
  say(id, said);
  return true;
}

/** Answers with words, as `agent-event-bus answer` takes them. */
export function answer(need: Need, words: readonly string[], said: string): Promise<boolean> {
  return settle(need, said, () => call("answer", { need_id: need.need_id, words }));
}

/** Closes a need without an answer. */
export function dismiss(need: Need, said = "Marked as read"): Promise<boolean> {
  return settle(need, said, () => call("answer", { need_id: need.need_id, dismiss: true }));
}
