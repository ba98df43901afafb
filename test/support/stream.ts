import { join } from "node:path";
import { newToken } from "./engine.ts";

/** One message of the page's stream. */
export interface Message {
  event: string;
  id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into parts of every shape
  data: any;
}

/** The stream of a page, as far as it was read. */
export interface OpenStream {
  status: number;
  type: string | null;
  /** Whether proxies may collect the stream. */
  buffering: string | null;
  messages: Message[];
  /** The ids of all events so far, in the order in which they came. */
  ids(): number[];
  /** The newest message of that name. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into parts of every shape
  newest(event: string): any;
  /** Waits until it holds. Rejects if the stream ends before. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves when the bus ends the stream, or when its connection is gone. */
  ended: Promise<void>;
  close(): void;
}

interface Head {
  status: number;
  type: string | null;
  /** Whether proxies may collect the stream. */
  buffering: string | null;
}

const READER = join(import.meta.dir, "read_stream.ts");

/** Makes a token of the scope `answer`, which may read the stream, for a bus on that database. */
export function tokenFor(db: string, name = "page", ms: number | null = null): string {
  return String(newToken(db, name, "answer", ms));
}

export async function openStream(
  { port }: { port: number },
  token: string,
  lastId?: string,
): Promise<OpenStream> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(lastId !== undefined && { "last-event-id": lastId }),
  };
  const words = [`http://127.0.0.1:${port}/api/stream`, JSON.stringify(headers)];
  const child = Bun.spawn([process.execPath, READER, ...words], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "ignore", env: { PATH: process.env.PATH ?? "" } },
  });
  const head = Promise.withResolvers<Head>();
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  let isOver = false;
  const look = () => {
    for (const one of waiting) one();
  };
  const reading = async () => {
    let text = "";
    let isBody = false;
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (!isBody && text.includes("\n")) {
        head.resolve(JSON.parse(text.slice(0, text.indexOf("\n"))));
        text = text.slice(text.indexOf("\n") + 1);
        isBody = true;
      }
      if (!isBody) continue;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) if (!part.startsWith(":")) messages.push(parsed(part));
      look();
    }
    head.reject(new Error("the bus did not answer"));
    isOver = true;
    look();
  };
  const ended = reading();
  const { status, type, buffering } = await head.promise;
  return {
    status,
    type,
    buffering,
    messages,
    ended,
    ids: () =>
      messages
        .filter(({ event }) => event === "events")
        .flatMap(({ data }) => data.events.map(({ id }: { id: number }) => id)),
    newest: (event) => messages.findLast((one) => one.event === event)?.data,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (holds()) resolve();
          else if (isOver) reject(new Error("the stream ended before"));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    close: () => child.kill(),
  };
}

function parsed(part: string): Message {
  const lines = part.split("\n").map((line) => /^(\w+): (.*)$/s.exec(line) ?? []);
  const field = (name: string) => lines.find(([, key]) => key === name)?.[2];
  return { event: field("event") ?? "message", id: field("id"), data: JSON.parse(field("data") ?? "null") };
}
