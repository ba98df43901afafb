import type { Caller } from "../../domain/caller.ts";
import type { Shares } from "../access/shares.ts";
import { COMMENT, KEEP_ALIVE_MS, messageOf, PIECE_BYTES, PulledBody } from "../sse.ts";
import type { Changes } from "./changes.ts";
import type { Reads, ViewRead } from "./reads.ts";

/** After a failed read, or one that other answers have to be read before. */
const RETRY_MS = 1_000;

export interface PageStreamOptions {
  caller: Caller;
  /** The id of the last message that the page has. Null for a new page. */
  lastId: string | null;
  changes: Changes;
  reads: Reads;
  shares: Shares;
  holds(caller: Caller): boolean;
  hello(): Record<string, unknown>;
  unexpected(error: unknown): void;
  /** Called once, at the end. */
  over(): void;
}

const encoder = new TextEncoder();
const NO_MAIL: ReadonlyMap<string, string> = new Map();

/**
 * The stream of one page. Each message is made when the page has taken the one before, from what is true then. So a page that
 * reads slowly skips views, and the bus keeps nothing for it.
 */
export class PageStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: PageStreamOptions;
  readonly #body: PulledBody;
  readonly #unfollow: () => void;
  #ended = false;
  #wakeUp: () => void = () => {};
  #greeted = false;
  /** Undefined until the page has its first events. */
  #cursor: string | undefined;
  #events = -1;
  #views = -1;
  /** The keys of the parts that the page has. */
  readonly #parts = new Map<string, string>();
  #view: ViewRead | undefined;
  #mail = NO_MAIL;
  /** The bytes of a message that are still to be taken, and how many the page takes at the moment. */
  #rest: Uint8Array = new Uint8Array();
  #taking = 0;

  constructor(options: PageStreamOptions) {
    const { lastId, changes } = options;
    this.#options = options;
    this.#cursor = lastId !== null && /^\d{1,15}$/.test(lastId) ? lastId : undefined;
    this.#unfollow = changes.follow(() => this.#look());
    this.#body = new PulledBody(
      () => this.#piece(),
      () => this.end(),
    );
    this.readable = this.#body.readable;
  }

  /** Ends the stream at once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unfollow();
    this.#rest = new Uint8Array();
    this.#taken();
    this.#wakeUp();
    this.#body.close();
    this.#options.over();
  }

  #look(): void {
    const { changes, holds, caller } = this.#options;
    if (changes.ended || !holds(caller)) this.end();
    else this.#wakeUp();
  }

  async #piece(): Promise<Uint8Array | null> {
    this.#taken();
    try {
      if (this.#rest.length === 0) this.#rest = encoder.encode((await this.#message()) ?? "");
      const piece = this.#rest.subarray(0, PIECE_BYTES);
      if (piece.length === 0 || !(await this.#mayTake(piece.length))) return null;
      this.#rest = this.#rest.subarray(piece.length);
      return piece;
    } catch (error) {
      this.#options.unexpected(error);
      this.end();
      return null;
    }
  }

  /** Waits until the caller's share has room. False if the stream ended meanwhile. */
  async #mayTake(bytes: number): Promise<boolean> {
    const { shares, caller } = this.#options;
    while (!this.#ended && shares.answer(caller, bytes) !== null) await this.#sleep(RETRY_MS);
    if (!this.#ended) this.#taking = bytes;
    return !this.#ended;
  }

  #taken(): void {
    const { shares, caller } = this.#options;
    if (this.#taking > 0) shares.taken(caller, this.#taking);
    this.#taking = 0;
  }

  /** Resolves with the next message when there is one. Null at the end. */
  async #message(): Promise<string | null> {
    for (let silent = performance.now(); !this.#ended; ) {
      const text = await this.#news();
      if (text) return text;
      const left = silent + KEEP_ALIVE_MS - performance.now();
      if (left <= 0) return COMMENT;
      if (text === null) await this.#sleep(Math.min(left, RETRY_MS));
      else if (!this.#isDue()) await this.#sleep(left);
    }
    return null;
  }

  /** The next message. Empty without one. Null after a failed read, which the door has logged. */
  async #news(): Promise<string | null> {
    try {
      return (
        (await this.#hello()) ||
        (await this.#changedParts()) ||
        (await this.#newEvents()) ||
        this.#changedMail()
      );
    } catch {
      // Reads fail at once with a token that has ended.
      this.#look();
      return null;
    }
  }

  #isDue(): boolean {
    const { changes } = this.#options;
    return this.#events !== changes.events || this.#views !== changes.views;
  }

  async #hello(): Promise<string> {
    if (this.#greeted) return "";
    const { reads, caller, hello } = this.#options;
    // The database may be another one.
    const resumed = this.#cursor !== undefined && (await reads.reaches(caller, this.#cursor));
    if (!resumed) this.#cursor = undefined;
    this.#greeted = true;
    return messageOf("hello", JSON.stringify({ ...hello(), resumed }));
  }

  async #changedParts(): Promise<string> {
    const { changes, reads, caller } = this.#options;
    if (this.#views === changes.views) return "";
    const at = changes.views;
    this.#view = await reads.view(caller);
    this.#views = at;
    let messages = "";
    for (const [name, { text, key }] of this.#view.parts) {
      if (this.#parts.get(name) === key) continue;
      this.#parts.set(name, key);
      messages += text;
    }
    return messages;
  }

  async #newEvents(): Promise<string> {
    const { changes, reads, caller } = this.#options;
    if (this.#events === changes.events) return "";
    const at = changes.events;
    const { text, cursor, more } = await reads.events(caller, this.#cursor);
    this.#cursor = cursor;
    if (!more) this.#events = at;
    return text;
  }

  #changedMail(): string {
    const mail = this.#view?.mail ?? NO_MAIL;
    if (mail === this.#mail) return "";
    const changed = [...mail].filter(([id, json]) => this.#mail.get(id) !== json);
    this.#mail = mail;
    if (changed.length === 0) return "";
    return messageOf("mail", `{${changed.map(([id, json]) => `"${id}":${json}`).join(",")}}`);
  }

  /** Resolves after `ms`, after a change or at the end. */
  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wakeUp = resolve;
    return promise.finally(() => clearTimeout(timer));
  }
}
