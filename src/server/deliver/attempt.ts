import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { retryAfterMs } from "../../bus/schedule.ts";
import { visibleLine } from "../../bus/text.ts";
import type { Outcome } from "../../bus/webhook.ts";
import { type AddressPolicy, checkedAddress, TargetError } from "./address.ts";

const MOST_READ_BYTES = 4096;
const MOST_READ_MS = 1_000;

export interface Target {
  url: string;
  local: boolean;
  policy: AddressPolicy;
  timeoutMs: number;
}

/**
 * One POST to a webhook: the address is checked and the connection pinned to it, redirects are not followed, no proxy
 * is used, at most 4 KiB of the answer are read and none of it is kept. Never throws.
 */
export async function attempt(
  target: Target,
  headers: Record<string, string>,
  body: string,
): Promise<Outcome> {
  const began = performance.now();
  const done = (status: number | null, error: string | null, retryAfter = 0): Outcome => ({
    status,
    error,
    retryAfterMs: retryAfter,
    ms: Math.round(performance.now() - began),
  });
  try {
    const url = new URL(target.url);
    const address = await checkedAddress(url, target.local, target.policy);
    const response = await post(url, address, headers, body, target.timeoutMs);
    const status = response.statusCode ?? 0;
    const retryAfter =
      status === 429 || status === 503 ? retryAfterMs(response.headers["retry-after"], Date.now()) : 0;
    return done(status, status >= 200 && status < 300 ? null : statusError(status), retryAfter);
  } catch (error) {
    return done(null, reasonOf(error, target.timeoutMs));
  }
}

function statusError(status: number): string {
  return status >= 300 && status < 400 ? `HTTP ${status} (redirects are not followed)` : `HTTP ${status}`;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof TargetError) return error.message;
  const { name, message, code } = error as NodeJS.ErrnoException;
  if (name === "TimeoutError" || name === "AbortError") return `no answer within ${timeoutMs} ms`;
  return visibleLine(code === undefined || message.includes(code) ? message : `${message} (${code})`, 200);
}

function post(
  url: URL,
  address: string,
  headers: Record<string, string>,
  body: string,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const bytes = Buffer.from(body);
  const options: RequestOptions = {
    method: "POST",
    headers: { ...headers, "content-length": String(bytes.byteLength) },
    // A connection of its own: one kept from before would have been checked before.
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    lookup: (_hostname, { all }, callback) => {
      const family = isIP(address);
      if (all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    },
  };
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, (response) => {
      answer = response;
      readSome(response).then(() => {
        request.destroy();
        resolve(response);
      });
    });
    request.on("error", (error) => (answer === undefined ? reject(error) : resolve(answer)));
    request.end(bytes);
  });
}

// The status decides; some of the body is read only so that a receiver can finish its answer in peace.
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
    response.on("end", end);
    response.on("error", end);
    response.on("close", end);
  });
}
