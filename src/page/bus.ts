import type { Json } from "../lib/json.ts";
import { link } from "./state.ts";
import { keep, kept } from "./storage.ts";

/** A call that the bus refused, or that did not reach it. The message is a sentence for the person. */
export class CallError extends Error {}

/** The half of the login that the page holds. The cookie is the other half. */
const KEY_HEADER = "x-agent-event-bus-page";

export function loginHeaders(): Record<string, string> {
  const key = kept("key");
  return key === undefined ? {} : { [KEY_HEADER]: key };
}

/**
 * Runs an operation of the bus.
 * @throws CallError when the bus refuses, or does not answer.
 */
export async function call(operation: string, args: Json): Promise<Json> {
  const answer = await post(operation, args);
  if (answer.status === 401) link.value = { state: "signed_out" };
  const result = (await answer.json().catch(() => ({}))) as Json;
  if (typeof result.error === "string") throw new CallError(sentence(result.error, result.hint));
  if (!answer.ok) throw new CallError(`The bus answered with ${answer.status}.`);
  return result;
}

async function post(operation: string, args: Json): Promise<Response> {
  try {
    return await fetch(`api/${operation}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...loginHeaders() },
      body: JSON.stringify(args),
    });
  } catch {
    throw new CallError("The bus did not answer. Try again.");
  }
}

function sentence(error: string, hint: unknown): string {
  const end = /[.!?]$/.test(error) ? "" : ".";
  return typeof hint === "string" ? `${error}${end} ${hint}` : `${error}${end}`;
}

/** Signs in with the code that the link of `agent-event-bus open` carries, and takes it out of the address. */
export async function signInByLink(): Promise<void> {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (code === undefined) return;
  history.replaceState(null, "", location.pathname);
  try {
    const { key } = await call("sign_in", { code });
    if (typeof key === "string") keep("key", key);
  } catch {
    // The stream tells whether an older login still holds.
  }
}
