import { digestWords, type Group, type Words } from "./words.ts";

export interface DigestOptions {
  /** Wall clock (ms). */
  now(): number;
  send(words: Words): void;
  /** Time in which the events of a digest are collected (ms). */
  collectMs?: number;
  /** Least time between two digests (ms). */
  apartMs?: number;
}

const COLLECT_MS = 30_000;
const APART_MS = 15 * 60_000;
const MOST_GROUPS = 200;
const OTHERS = { type: "more", sender: "others" };

/** Counts events that can wait, and tells them together: at most one digest in 15 minutes. */
export class Digest {
  readonly #options: DigestOptions;
  readonly #groups = new Map<string, Group>();
  #since = 0;
  /** Steady (ms). */
  #sentAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: DigestOptions) {
    this.#options = options;
  }

  add(type: string, sender: string): void {
    const isNew = !this.#groups.has(`${type}\n${sender}`) && this.#groups.size >= MOST_GROUPS;
    const one = isNew ? OTHERS : { type, sender };
    const key = `${one.type}\n${one.sender}`;
    const count = (this.#groups.get(key)?.count ?? 0) + 1;
    this.#groups.set(key, { ...one, count });
    if (this.#timer !== undefined) return;
    this.#since = this.#options.now();
    const { collectMs = COLLECT_MS, apartMs = APART_MS } = this.#options;
    const wait = Math.max(collectMs, this.#sentAt + apartMs - performance.now());
    this.#timer = setTimeout(() => this.#send(), wait);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #send(): void {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    this.#timer = undefined;
    this.#sentAt = performance.now();
    this.#options.send(digestWords(groups, this.#since));
  }
}
