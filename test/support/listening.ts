import { type ModernRequest, modernRequest } from "./modern.ts";
import { BOTH } from "./rpc.ts";

/** A stream of `subscriptions/listen`, as far as it was read. */
export interface Listening {
  status: number;
  /** The whole text so far, comments included. */
  text(): string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  messages(): any[];
  /** Waits until it holds. Rejects if the stream ends before. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves when the bus ends the stream, or when its connection is gone. */
  ended: Promise<void>;
  close(): void;
}

/** URI of a session's inbox. */
export const inboxOf = (sessionId: string) => `agent-event-bus://inbox/${sessionId}`;

/** Asks to be told of changes of these resources. */
export function listenRequest(uris: readonly string[], id: string | number = "listen"): ModernRequest {
  return modernRequest("subscriptions/listen", { notifications: { resourceSubscriptions: uris } }, id);
}

export async function listen(
  url: string,
  { body, headers }: ModernRequest,
  more: Record<string, string> = {},
): Promise<Listening> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: BOTH, ...headers, ...more },
    body: JSON.stringify(body),
    signal: leaving.signal,
  });
  let text = "";
  let isOver = false;
  const waiting = new Set<() => void>();
  const look = () => {
    for (const one of waiting) one();
  };
  const reading = async () => {
    const decoder = new TextDecoder();
    try {
      for await (const piece of response.body ?? []) {
        text += decoder.decode(piece, { stream: true });
        look();
      }
    } catch {
      // The connection is gone.
    }
    isOver = true;
    look();
  };
  return {
    status: response.status,
    text: () => text,
    messages: () =>
      text.split("\n\n").flatMap((part) => {
        const [, data] = /^data: (.*)$/m.exec(part) ?? [];
        return data === undefined ? [] : [JSON.parse(data)];
      }),
    ended: reading(),
    until: (holds) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (holds()) resolve();
          else if (isOver) reject(new Error(`the stream ended before: ${text}`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    close: () => leaving.abort(),
  };
}
