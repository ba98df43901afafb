import { busUrl, clientConfig, environment } from "../../config/client.ts";
import { visibleLine } from "../../lib/escape.ts";
import type { Json } from "../../lib/json.ts";
import { createCall } from "../../rpc/call.ts";

/** A person who presses Tab waits this long for the bus. */
const TIMEOUT_MS = 1_000;

/** The names and claims of the sessions that are here, as a line of that shell takes them. None if the bus is away. */
export async function namesFor(shell: string): Promise<string[]> {
  try {
    const { token } = clientConfig(environment);
    const call = createCall({ url: busUrl(undefined, environment), token });
    const { result } = await call("list_sessions", {}, TIMEOUT_MS);
    const names = namesIn(result as Json[]);
    return shell === "bash" ? names.map(backslashed) : names;
  } catch {
    return [];
  }
}

function namesIn(sessions: readonly Json[]): string[] {
  const names = sessions.flatMap(({ name, claims }) => [
    name,
    ...(claims as string[]).map((claim) => `@${claim}`),
  ]);
  return [...new Set(names.map(String))].filter(isTypable).sort();
}

/** True for a name on one line, whose only blanks are spaces between words, and that no command takes for a flag. */
function isTypable(name: string): boolean {
  if (name === "" || name.startsWith("-") || name.trim() !== name) return false;
  return visibleLine(name) === name && !/[^\S ]/u.test(name);
}

/** Bash inserts a name as it is. zsh and fish quote it themselves. */
function backslashed(name: string): string {
  return name.replace(/[^\w./@%+,=:\u0080-\u{10ffff}-]/gu, "\\$&");
}
