import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { isIP } from "node:net";
import { retryAfterMs } from "../domain/retry_schedule.ts";
import type { Outcome } from "../domain/webhook.ts";
import { visibleLine } from "../lib/escape.ts";
import type { Message } from "./sign.ts";
import { type AddressPolicy, checkedAddresses, TargetError } from "./target.ts";

const MOST_READ_BYTES = 4096;
const MOST_READ_MS = 1_000;

export interface Target {
  url: string;
  local: boolean;
  policy: AddressPolicy;
  timeoutMs: number;
  /** Wall clock (ms), for a Retry-After that is a date. */
  wall(): number;
  /** Aborts when the bus stops. */
  signal: AbortSignal;
}

/**
 * Sends one POST to a webhook. The connection is pinned to the checked addresses. Redirects are not followed, and no proxy
 * is used. At most 4 KiB of the answer are read, and nothing is kept. Never throws, and always ends at its deadline.
 */
export async function attempt(target: Target, message: Message): Promise<Outcome> {
  const began = performance.now();
  const done = (status: number | null, error: string | null, retryAfter = 0): Outcome => ({
    status,
    error,
    retryAfterMs: retryAfter,
    ms: Math.round(performance.now() - began),
  });
  const ending = new AbortController();
  const end = () => ending.abort();
  const timer = setTimeout(end, target.timeoutMs);
  target.signal.addEventListener("abort", end);
  try {
    const url = new URL(target.url);
    const answer = checkedAddresses(url, target.local, target.policy).then((addresses) =>
      post(url, addresses, message, ending.signal),
    );
    // After some answers the request of the HTTP client neither ends nor fails.
    const { statusCode: status = 0, headers } = await unlessAborted(answer, ending.signal);
    const asked = status === 429 || status === 503 ? headers["retry-after"] : undefined;
    return done(status, statusError(status), retryAfterMs(asked, target.wall()));
  } catch (error) {
    return done(null, ending.signal.aborted ? `no answer within ${target.timeoutMs} ms` : reasonOf(error));
  } finally {
    clearTimeout(timer);
    target.signal.removeEventListener("abort", end);
  }
}

function statusError(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? `HTTP ${status} (redirects are not followed)` : `HTTP ${status}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof TargetError) return error.message;
  const { message, code } = error as NodeJS.ErrnoException;
  return visibleLine(code === undefined || message.includes(code) ? message : `${message} (${code})`, 200);
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

// The first delivery loads the HTTP client, which takes megabytes. Most buses never send one.
async function post(
  url: URL,
  addresses: readonly string[],
  { headers, body }: Message,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { request: start } =
    url.protocol === "https:" ? await import("node:https") : await import("node:http");
  const bytes = Buffer.from(body);
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const options: RequestOptions = {
    method: "POST",
    headers: { ...headers, "content-length": String(bytes.byteLength) },
    // Never reuses a connection, because its address was checked for an earlier attempt.
    agent: false,
    signal,
    lookup: (_hostname, { all }, callback) => {
      if (all) callback(null, found);
      else callback(null, found[0]?.address ?? "", found[0]?.family);
    },
  };
  signal.throwIfAborted();
  const request = start(url, options);
  request.end(bytes);
  return await answerTo(request, signal);
}

function answerTo(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    request.on("response", (response) => {
      answer = response;
      readSome(response).then(() => {
        request.destroy();
        resolve(response);
      });
    });
    // A switch of protocols is an ordinary answer. The connection ends.
    request.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    signal.addEventListener("abort", () => request.destroy(), { once: true });
    request.on("error", (error) => (answer === undefined ? reject(error) : resolve(answer)));
  });
}

// Only the status counts. Reading some of the body lets a receiver finish its answer.
function readSome(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, MOST_READ_MS);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    let read = 0;
    response.on("data", (chunk: Buffer) => {
      read += chunk.byteLength;
      if (read >= MOST_READ_BYTES) end();
    });
    for (const ending of ["end", "error", "close"]) response.on(ending, end);
  });
}
