import type { Topic } from "../config/push.ts";
import { retryAfterMs } from "../domain/retry_schedule.ts";
import { visibleLine } from "../lib/escape.ts";
import { jsonOf, type Push } from "./message.ts";

export interface SenderOptions {
  log: { info(message: string): void; warn(message: string): void };
  /** Wall clock (ms). */
  now(): number;
  /** Limit of one attempt (ms). 10 s if undefined. */
  limitMs?: number;
  /** Waits before the further attempts of a push (ms). */
  waits?: readonly number[];
}

const LIMIT_MS = 10_000;
const WAITS = [1_000, 5_000, 30_000, 120_000];
const LONGEST_WAIT_MS = 300_000;
/** Pushes that wait for one topic. */
const MOST_WAITING = 100;

/** Why an attempt failed, and whether another one may succeed. */
interface Failure {
  reason: string;
  again: boolean;
  /** Least wait before it. */
  waitMs: number;
}

/**
 * Sends the pushes of one topic, one at a time and in order. A failed one is tried again up to four times and then dropped.
 * At most 100 wait, the oldest is dropped. Each reason of a failure is logged once, until a push arrives.
 */
export class TopicSender {
  readonly topic: Topic;
  readonly #options: SenderOptions;
  /** By name, with the number of attempts so far. */
  readonly #waiting = new Map<string, { push: Push; attempts: number }>();
  readonly #stopping = new AbortController();
  readonly #told = new Set<string>();
  #isSending = false;

  constructor(topic: Topic, options: SenderOptions) {
    this.topic = topic;
    this.#options = options;
  }

  /** Never waits. A push that still waits under the same name is replaced. */
  send(push: Push): void {
    if (this.#stopping.signal.aborted) return;
    this.#waiting.delete(push.name);
    this.#waiting.set(push.name, { push, attempts: 0 });
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size > MOST_WAITING) {
      this.#waiting.delete(oldest);
      this.#tell(`${MOST_WAITING} notifications wait, the oldest is dropped`);
    }
    if (!this.#isSending) this.#sendAll();
  }

  /** True if a push of that name waits for its first attempt. It is then not sent at all. */
  takeBack(name: string): boolean {
    return this.#waiting.get(name)?.attempts === 0 && this.#waiting.delete(name);
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopping.abort();
    this.#waiting.clear();
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    const { waits = WAITS } = this.#options;
    for (;;) {
      const [next] = this.#waiting.values();
      if (next === undefined) break;
      next.attempts++;
      const failure = await this.#attempt(next.push);
      if (this.#stopping.signal.aborted) break;
      const wait = failure?.again === true ? waits[next.attempts - 1] : undefined;
      const { name } = next.push;
      // A newer push of the name may have taken its place.
      if (wait === undefined && this.#waiting.get(name) === next) this.#waiting.delete(name);
      if (failure === null) this.#arrived();
      else {
        this.#tell(failure.reason);
        if (wait !== undefined) await this.#sleep(Math.max(wait, failure.waitMs));
      }
    }
    this.#isSending = false;
  }

  async #attempt(push: Push): Promise<Failure | null> {
    const { limitMs = LIMIT_MS, now } = this.#options;
    const { server, authorization } = this.topic;
    const limit = AbortSignal.timeout(limitMs);
    try {
      const answer = await fetch(`${server}/`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(authorization !== null && { authorization }) },
        body: jsonOf(push, this.topic),
        // A redirect could carry the secrets elsewhere.
        redirect: "manual",
        signal: AbortSignal.any([limit, this.#stopping.signal]),
      });
      answer.body?.cancel().catch(() => {});
      const { status } = answer;
      if (status >= 200 && status < 300) return null;
      const retryAfter = retryAfterMs(answer.headers.get("retry-after") ?? undefined, now());
      return {
        reason:
          MEANINGS[status] ??
          (status < 400 ? `HTTP ${status}, redirects are not followed` : `HTTP ${status}`),
        again: status >= 500 || status === 429 || status === 408,
        waitMs: Math.min(retryAfter, LONGEST_WAIT_MS),
      };
    } catch (error) {
      const reason = limit.aborted ? `no answer within ${limitMs} ms` : reasonOf(error);
      return { reason, again: true, waitMs: 0 };
    }
  }

  #arrived(): void {
    if (this.#told.size > 0)
      this.#options.log.info(`notifications reach the phone again through ${this.#host}`);
    this.#told.clear();
  }

  #tell(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#options.log.warn(
      `a notification for the phone did not reach ${this.#host}: ${reason} (logged once)`,
    );
  }

  /** The topic's own name is a secret. */
  get #host(): string {
    return new URL(this.topic.server).host;
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      timer.unref();
      signal.addEventListener("abort", end);
    });
  }
}

const MEANINGS: Readonly<Record<number, string>> = {
  401: "HTTP 401, the user, password or token of AGENT_EVENT_BUS_PUSH is wrong",
  403: "HTTP 403, the user or token of AGENT_EVENT_BUS_PUSH may not write to the topic",
  429: "HTTP 429, the server's limit is reached",
};

/** Errors of `fetch` name the whole URL, so only their code is told. */
function reasonOf(error: unknown): string {
  const { code, cause, name } = error as NodeJS.ErrnoException & { cause?: { code?: unknown } };
  const told = code ?? cause?.code ?? name;
  return visibleLine(String(told), 100);
}
