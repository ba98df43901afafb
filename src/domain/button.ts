import { hmac, isSameText } from "../lib/hmac.ts";
import { type Need, questionsOf } from "./need.ts";

/** An answer that fits on a button. */
export interface Choice {
  /** `allow`, `deny`, or the number of an option. */
  what: string;
  label: string;
  /** The words of the answer. */
  words: readonly string[];
}

/** The answers to a need that fit on buttons. Empty if it has none, or if one button would not be the whole answer. */
export function choicesOf(need: Pick<Need, "kind" | "input" | "answerable">): Choice[] {
  if (!need.answerable) return [];
  if (need.kind === "permission") {
    const deny = { what: "deny", label: "Deny", words: ["deny"] };
    return need.input === null ? [deny] : [{ what: "allow", label: "Allow once", words: ["allow"] }, deny];
  }
  const [question, ...others] = questionsOf(need);
  if (question === undefined || question.multiple || others.length > 0) return [];
  const labels = question.options.map(({ label }) => label);
  const known = labels.map((label) => label.toLowerCase());
  return labels
    .map((label, index) => ({ what: String(index + 1), label, words: [label] }))
    .filter(({ label }, index) => label.trim() !== "" && known.indexOf(label.toLowerCase()) === index);
}

/** A need as its buttons know it. `secret`: random key of this need alone, hex. */
type Pressable = Pick<Need, "need_id" | "secret">;

/** A button of a notification, and the time until which it works. */
export interface Button {
  needId: number;
  /** The choice. */
  what: string;
  /** Wall clock (s). */
  expires: number;
}

/** Time for which a button works (ms). */
export const BUTTON_MS = 60 * 60_000;

const FORM = /^([1-9]\d{0,14})\.(allow|deny|[1-9]\d{0,2})\.([1-9]\d{0,11})\.([\w-]{43})$/;

/** The secret of a button, for a URL. It can be made only with the need's own key. `now` is wall time (ms). */
export async function buttonSecret(need: Pressable, what: string, now: number): Promise<string> {
  const expires = Math.floor((now + BUTTON_MS) / 1000);
  const signed = textOf({ needId: need.need_id, what, expires });
  return `${signed}.${await macOf(need, signed)}`;
}

/** Reads a secret, which is not proved by that. Null if it does not look like one. */
export function readButton(secret: string): Button | null {
  const [, needId, what, expires] = FORM.exec(secret) ?? [];
  if (needId === undefined || what === undefined) return null;
  return { needId: Number(needId), what, expires: Number(expires) };
}

/** True if the secret was made for this need, by this bus. Takes the same time whatever the secret is. */
export async function isButtonOf(need: Pressable, secret: string): Promise<boolean> {
  const button = readButton(secret);
  if (button === null || button.needId !== need.need_id) return false;
  return isSameText(await macOf(need, textOf(button)), secret.slice(secret.lastIndexOf(".") + 1));
}

function textOf({ needId, what, expires }: Button): string {
  return `${needId}.${what}.${expires}`;
}

async function macOf({ secret }: Pressable, text: string): Promise<string> {
  return Buffer.from(await hmac(Buffer.from(secret, "hex"), text)).toString("base64url");
}
