import type { Json } from "../lib/json.ts";

/** The kinds of a client's dialog. */
export const DIALOG_KINDS = ["permission", "question", "elicitation"] as const;
export type DialogKind = (typeof DIALOG_KINDS)[number];

/** A dialog of a session, a question to the person by `ask`, or a session's call for help. */
export type NeedKind = DialogKind | "ask" | "help";

/** Something that waits for the person. */
export interface Need {
  need_id: number;
  kind: NeedKind;
  /** The session that asks. */
  session_id: string;
  /** One line, untrusted. */
  text: string;
  /** The tool that asks for a permission, or a question. Null if the client does not say. */
  tool: string | null;
  /** The tool's whole input, JSON. Null if it is not known, or too large to be shown. */
  input: string | null;
  /** The folder in which the tool would work. */
  cwd: string | null;
  branch: string | null;
  /** The event that asks. Null for a dialog. */
  event_id: number | null;
  /** RFC 3339. */
  since: string;
  /** A hook takes the answer to the dialog. True for an event. */
  answerable: boolean;
  state: "open" | "answered" | "withdrawn";
  answer: Answer | null;
  /** Origin of the answer. */
  by: string | null;
  /** Where it was answered. */
  via: Via | null;
  /** RFC 3339. Null while it is open. */
  closed_at: string | null;
  /** Why it was withdrawn. */
  reason: string | null;
  /** When the client took the answer, RFC 3339. */
  taken_at: string | null;
  /** Signs the buttons of this need. Never shown. */
  secret: string;
}

export type Via = "shell" | "phone" | "page";

/** Where the person answered, in words. */
export const PLACES: Readonly<Record<Via, string>> = {
  shell: "in a terminal",
  phone: "on a phone",
  page: "on the page",
};

/** The decision of the person. `answers`: by question. `text`: to an event. */
export type Answer =
  | { behavior: "allow" }
  | { behavior: "deny"; message?: string }
  | { answers: Readonly<Record<string, string>> }
  | { text: string };

/** A dialog as its hook reports it. */
export interface DialogDraft
  extends Pick<Need, "session_id" | "text" | "tool" | "input" | "cwd" | "branch" | "since" | "answerable"> {
  kind: DialogKind;
  /** Made once for the dialog by its hook. */
  key: string;
}

/** A need that an event opens in its own transaction. */
export interface EventNeed extends Pick<Need, "session_id" | "text"> {
  kind: "ask" | "help";
  /** The correlation id of an answer. Null: `event-` and the id of the event. */
  correlation: string | null;
}

/** An answer that was published like any event. `by`: null for a session's. */
export interface Settled {
  correlation: string;
  text: string;
  by: string | null;
}

/** Open calls for help of one session. Further ones are events alone, so that one that runs away fills no list. */
export const MOST_CALLS = 20;

/** Longest text of a need (characters). */
export const MOST_TEXT = 120;

/** Reasons of a withdrawal. One that was lost, or whose session was, is open again when its hook reports it again. */
export const WITHDRAWN = {
  terminal: "answered in its terminal",
  lost: "its dialog is gone",
  session: "session gone",
  elsewhere: "answered by another session",
  dismissed: "dismissed",
} as const;

/** A question of a client, as far as its shape is known. */
export interface Question {
  question: string;
  options: readonly { label: string; description: string }[];
  /** Several options may be chosen. */
  multiple: boolean;
}

/** The questions of a need. Empty if it has none, or their shape is not known. */
export function questionsOf({ kind, input }: Pick<Need, "kind" | "input">): Question[] {
  if (kind !== "question" || input === null) return [];
  const { questions } = JSON.parse(input) as { questions?: unknown };
  return (Array.isArray(questions) ? questions : []).map((one: Json | null) => ({
    question: textIn(one?.question),
    options: (Array.isArray(one?.options) ? one.options : []).map((option: Json | null) => ({
      label: textIn(option?.label),
      description: textIn(option?.description),
    })),
    multiple: one?.multiSelect === true,
  }));
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The answer that words mean to a need, or what is wrong with them. */
export function answerOf(need: Need, words: readonly string[]): Answer | { problem: string } {
  switch (need.kind) {
    case "permission":
      return decisionIn(need, words);
    case "question":
      return choiceIn(questionsOf(need), words);
    case "elicitation":
      return { problem: "This dialog can be answered in its terminal only." };
    default:
      return { text: words.join(" ") };
  }
}

function decisionIn(
  { input }: Need,
  [decision = "", ...why]: readonly string[],
): Answer | { problem: string } {
  const message = why.join(" ");
  switch (decision.toLowerCase()) {
    case "allow":
      if (message !== "") return { problem: "After allow comes nothing more." };
      return input === null
        ? {
            problem:
              "Its input cannot be shown here whole, so allow it in its terminal. Deny works from here.",
          }
        : { behavior: "allow" };
    case "deny":
      return message === "" ? { behavior: "deny" } : { behavior: "deny", message };
    default:
      return { problem: 'The answer to a permission is allow, deny, or deny "why".' };
  }
}

/** One question takes all words as one text. Several take a text each. */
function choiceIn(questions: readonly Question[], words: readonly string[]): Answer | { problem: string } {
  if (questions.length === 0)
    return { problem: "Its options are not known here, so answer it in its terminal." };
  const texts = questions.length === 1 ? [words.join(" ")] : words;
  if (texts.length !== questions.length)
    return {
      problem: `The dialog has ${questions.length} questions, so it takes ${questions.length} answers, each in quotes.`,
    };
  return {
    answers: Object.fromEntries(questions.map((one, i) => [one.question, chosen(one, texts[i] ?? "")])),
  };
}

/** The options that a text names by their labels or numbers. Any other text is the person's own words. */
function chosen({ options, multiple }: Question, text: string): string {
  const labels = options.map(({ label }) => label);
  const one = (part: string) =>
    labels.find((label) => label.toLowerCase() === part.toLowerCase()) ??
    (/^\d+$/.test(part) ? labels[Number(part) - 1] : undefined);
  const parts = multiple ? text.split(",").map((part) => part.trim()) : [];
  const several = parts.map(one);
  if (one(text) === undefined && several.length > 0 && several.every((label) => label !== undefined))
    return several.join(", ");
  return one(text) ?? text;
}

/** The answer in words. */
export function wordsOf(answer: Answer): string {
  if ("behavior" in answer)
    return answer.behavior === "deny" && answer.message !== undefined
      ? `deny (${answer.message})`
      : answer.behavior;
  return "text" in answer ? answer.text : Object.values(answer.answers).join(" · ");
}
