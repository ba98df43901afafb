import { computed, signal } from "@preact/signals";
import { reachWords } from "../domain/reach.ts";
import { call } from "./bus.ts";
import { sessionName, sessions, tab } from "./state.ts";
import { keep, kept } from "./storage.ts";

/** The channel that was chosen. Undefined before that. */
const chosen = signal(kept("to"));
export const draft = signal("");
export const isSending = signal(false);
/** Why the last message was not sent. */
export const sendProblem = signal<string | undefined>(undefined);

/** The channel that the next message goes to: the one that was chosen, else the first session. */
export const channel = computed(() => {
  const known = chosen.value;
  if (known !== undefined) return known;
  const [first] = sessions.value;
  return first === undefined ? "all" : `session:${first.session_id}`;
});

/** The recipient in words: `@web`, `shop`, `everyone`. */
export const recipient = computed(() => nameOf(channel.value));

function nameOf(channel: string): string {
  if (channel === "all") return "everyone";
  const [kind = "", id = ""] = channel.split(/:(.*)/s);
  return kind === "session" ? `@${sessionName(id)}` : id;
}

/** How soon the next message will be seen: `idle, wakes within 1 s`. */
export const reach = computed(() => {
  const [kind, id] = channel.value.split(/:(.*)/s);
  if (kind !== "session") {
    const there = sessions.value.filter(({ repo }) => kind !== "repo" || repo === id).length;
    return `wakes ${there === 1 ? "its session" : `${there} sessions`}`;
  }
  const session = sessions.value.find(({ session_id }) => session_id === id);
  if (session === undefined) return "not here, waits until it comes back";
  const { reach, state } = session;
  if (reach === "waiting_for_person") return "after you answer";
  const words = reachWords(reach);
  return state === "busy" || state === "idle" ? `${state}, ${words}` : words;
});

export const choices = computed(() => [
  ...sessions.value.map(({ session_id, name, repo, reach }) => ({
    value: `session:${session_id}`,
    label: `@${name}`,
    detail: `${repo} · ${reachWords(reach)}`,
  })),
  ...[...new Set(sessions.value.map(({ repo }) => repo))].map((repo) => ({
    value: `repo:${repo}`,
    label: repo,
    detail: "every session of it",
  })),
  { value: "all", label: "everyone", detail: "every session" },
]);

export function choose(next: string): void {
  chosen.value = next;
  keep("to", next);
}

/** Makes ready to write to a session. */
export function writeTo(sessionId: string): void {
  choose(`session:${sessionId}`);
  focusComposer();
}

export function focusComposer(): void {
  tab.value = "stream";
  requestAnimationFrame(() => document.querySelector<HTMLElement>("#message")?.focus());
}

/** Sends the draft. It stays if that fails. */
export async function send(): Promise<void> {
  const payload = draft.value.trim();
  if (payload === "" || isSending.value) return;
  isSending.value = true;
  sendProblem.value = undefined;
  try {
    await call("publish_event", { event_type: "message", channel: channel.value, payload });
    if (draft.value.trim() === payload) draft.value = "";
  } catch (error) {
    sendProblem.value = `Not sent: ${(error as Error).message}`;
  } finally {
    isSending.value = false;
  }
}
