import { ANONYMOUS, BUS_ITSELF, type Event } from "../domain/event.ts";
import { type Need, PLACES, questionsOf, wordsOf } from "../domain/need.ts";
import type { Kind } from "../domain/notification.ts";
import type { Session } from "../domain/session.ts";
import { attempt } from "../lib/attempt.ts";
import { counted } from "../lib/escape.ts";
import { tilde } from "../lib/tilde.ts";
import type { Push } from "./message.ts";

/** The words of a push. Texts of events and needs are in it as they are. */
export type Words = Pick<Push, "title" | "message" | "priority" | "tags">;

const URGENT = 4;
const PLAIN = 3;
const QUIET = 2;
const SILENT = 1;

/** A dialog that stands. `detail`: also what the tool is to do. */
export function dialogWords(need: Need, session: Session | undefined, detail: boolean): Words {
  const title = dialogTitle(need, session);
  switch (need.kind) {
    case "permission":
      return { title, message: permissionIn(need, detail), priority: URGENT, tags: ["raised_hand"] };
    case "question":
      return { title, message: questionIn(need), priority: URGENT, tags: ["question"] };
    default:
      return { title, message: need.text, priority: URGENT, tags: ["raised_hand"] };
  }
}

function dialogTitle({ kind, tool, session_id }: Need, session: Session | undefined): string {
  const name = session?.name ?? session_id;
  if (kind === "question") return `${name} asks you`;
  return kind === "permission" && tool !== null
    ? `${name} asks to use ${tool}`
    : `${name} is waiting for you`;
}

// The text of a need may show the input of the tool.
function permissionIn({ tool, cwd, branch, input }: Need, detail: boolean): string {
  const where = cwd === null ? "" : ` in ${tilde(cwd)}`;
  const at = branch === null ? "" : ` (${branch})`;
  const lines = [`A permission for ${tool ?? "a tool"}${where}${at}`];
  if (detail && input !== null) lines.push(...linesIn(input));
  return lines.join("\n");
}

function linesIn(text: string): string[] {
  const input: unknown = attempt(() => JSON.parse(text));
  if (typeof input !== "object" || input === null) return [text];
  return Object.entries(input).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
}

function questionIn(need: Need): string {
  const questions = questionsOf(need);
  if (questions.length === 0) return need.text;
  const linesIn = ({ question, options }: (typeof questions)[number]) => [
    question,
    ...options.map(({ label, description }, index) => {
      const more = description === "" ? "" : `: ${description}`;
      return `${index + 1}  ${label}${more}`;
    }),
  ];
  return questions.flatMap(linesIn).join("\n");
}

/** An event that is for the user at once. */
export function eventWords(event: Event, kind: Kind, sender: Session | undefined): Words {
  const name = nameOf(event, sender);
  const message = event.title === undefined ? event.payload : `${event.title}\n${event.payload}`;
  if (kind === "mail")
    return { title: `${name} → you`, message, priority: PLAIN, tags: ["incoming_envelope"] };
  return { title: `${name} needs help`, message, priority: URGENT, tags: ["sos"] };
}

/** The name of an event's sender. */
export function nameOf({ session_id }: Event, sender: Session | undefined): string {
  return sender?.name ?? (session_id === BUS_ITSELF ? BUS_ITSELF : ANONYMOUS);
}

/** A need that was shown and is closed. */
export function endWords(title: string, { answer, via, reason }: Need): Words {
  const how = answer === null ? (reason ?? "closed") : `answered ${via === null ? "" : PLACES[via]}`.trim();
  const message = `${how[0]?.toUpperCase()}${how.slice(1)}${answer === null ? "" : `: ${wordsOf(answer)}`}`;
  return {
    title,
    message,
    priority: SILENT,
    tags: [answer === null ? "heavy_minus_sign" : "white_check_mark"],
  };
}

/** Events of one type and sender. */
export interface Group {
  type: string;
  sender: string;
  count: number;
}

const MOST_LINES = 10;

/** The events that can wait. `since`: the time of the first one (ms). */
export function digestWords(groups: readonly Group[], since: number): Words {
  const all = groups.reduce((sum, { count }) => sum + count, 0);
  const sorted = [...groups].sort((one, other) => other.count - one.count);
  const lines = sorted
    .slice(0, MOST_LINES)
    .map(({ type, sender, count }) => `${count} ${type} from ${sender}`);
  const left = sorted.slice(MOST_LINES).reduce((sum, { count }) => sum + count, 0);
  if (left > 0) lines.push(`and ${left} more`);
  const time = new Date(since).toTimeString().slice(0, 5);
  return {
    title: `${counted(all, "other event")} since ${time}`,
    ...{ message: lines.join("\n"), priority: QUIET, tags: ["newspaper"] },
  };
}
