import { loginHeaders } from "./bus.ts";
import { SseParser } from "./sse.ts";
import { link } from "./state.ts";
import { take } from "./take.ts";

/** The bus sends a comment every 15 s. A stream that is silent for longer is dead (ms). */
const SILENT_MS = 40_000;
const WAITS_MS = [1_000, 2_000, 3_000, 5_000, 10_000];

let attempts = 0;
let lastId: string | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Follows the bus's stream for as long as the page is open. */
export async function follow(): Promise<void> {
  clearTimeout(retry);
  retry = undefined;
  const quiet = new AbortController();
  try {
    const response = await fetch("api/stream", {
      headers: { accept: "text/event-stream", ...loginHeaders(), ...(lastId && { "last-event-id": lastId }) },
      signal: quiet.signal,
      cache: "no-store",
    });
    if (response.status === 401 || response.status === 403) {
      link.value = { state: "signed_out" };
      return;
    }
    if (response.ok && response.body !== null) await read(response.body, quiet);
  } catch {
    // Told below, however the stream ended.
  }
  if (link.value.state !== "signed_out") waitAndRetry();
}

async function read(body: ReadableStream<Uint8Array>, quiet: AbortController): Promise<void> {
  const parser = new SseParser();
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let timer = setTimeout(() => quiet.abort(), SILENT_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), SILENT_MS);
      for (const { name, data, id } of parser.push(value)) {
        take(name, JSON.parse(data));
        if (id !== undefined) lastId = id;
      }
      attempts = 0;
    }
  } finally {
    clearTimeout(timer);
  }
}

function waitAndRetry(): void {
  const wait = WAITS_MS[Math.min(attempts++, WAITS_MS.length - 1)] ?? 1_000;
  const before = link.value;
  const since = before.state === "away" ? before.since : Date.now();
  link.value = { state: "away", since, retryAt: Date.now() + wait };
  retry = setTimeout(follow, wait);
}

/** Tries again at once if the bus was away. */
export function tryNow(): void {
  if (retry === undefined) return;
  attempts = 0;
  void follow();
}
