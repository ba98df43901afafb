import type { PushConfig, Topic } from "../config/push.ts";
import { buttonSecret, choicesOf } from "../domain/button.ts";
import type { Bus } from "../domain/context.ts";
import type { Event } from "../domain/event.ts";
import type { Need } from "../domain/need.ts";
import type { NeedView } from "../domain/need_watch.ts";
import { kindOf, mayNotify, type NotifySetting, noticeOf } from "../domain/notification.ts";
import { Rate } from "../domain/rate.ts";
import { recipientsOf } from "../domain/recipients.ts";
import { hmac } from "../lib/hmac.ts";
import { Digest, type DigestOptions } from "./digest.ts";
import type { Action } from "./message.ts";
import { type SenderOptions, TopicSender } from "./sender.ts";
import { dialogWords, endWords, eventWords, nameOf, type Words } from "./words.ts";

export interface PhoneOptions {
  push: PushConfig;
  log: SenderOptions["log"];
  sender?: Pick<SenderOptions, "waits" | "limitMs">;
  digest?: Pick<DigestOptions, "collectMs" | "apartMs">;
}

const HELP = "help_needed";
/** Pushes at once of one sender, and of all. More of them join the digest. */
const OF_ONE = { perSecond: 1 / 60, most: 5 };
const OF_ALL = { perSecond: 1 / 20, most: 20 };
/** Pushes whose end is told. */
const MOST_SHOWN = 1_000;
/** The bus that pushes something tells its end too, within this time (ms). */
const OURS_MS = 24 * 3_600_000;

/**
 * Pushes to the user's phone: dialogs that stand, mail and calls for help at once, other events as a digest. Of several
 * buses with the same topics each one follows everything, and one of them pushes it.
 */
export class Phone implements NeedView {
  readonly #bus: Bus;
  readonly #push: PushConfig;
  readonly #senders: readonly TopicSender[];
  readonly #digest: Digest;
  readonly #ofOne: Rate;
  readonly #ofAll: Rate;
  /** Stands for the topics, which are secrets. */
  readonly #topics: Promise<string>;
  /** The title of each push that a need may end, by its name. */
  readonly #shown = new Map<string, string>();
  /** Pushes are made one after the other. */
  #last: Promise<void> = Promise.resolve();
  #digests = 0;
  readonly #began: number;
  #ended = false;

  constructor(bus: Bus, { push, log, sender, digest }: PhoneOptions) {
    this.#bus = bus;
    this.#push = push;
    this.#senders = push.topics.map((topic) => new TopicSender(topic, { ...sender, log, now: bus.now }));
    const topics = push.topics.map(({ server, name }) => `${server}/${name}`).sort();
    this.#topics = hmac(bus.store.key, `topics.${topics.join()}`).then((hash) =>
      Buffer.from(hash).toString("base64url"),
    );
    const steady = () => performance.now();
    this.#ofOne = new Rate({ ...OF_ONE, steady });
    this.#ofAll = new Rate({ ...OF_ALL, steady });
    this.#began = bus.now();
    const digests = `${bus.store.id}-digest-${this.#began.toString(36)}`;
    const send = (words: Words) =>
      this.#then(async () => {
        if (await this.#isOurs("digest")) this.#send(`${digests}-${++this.#digests}`, words);
      });
    this.#digest = new Digest({ ...digest, now: bus.now, send });
  }

  /** Follows the events and the needs from here on. */
  start(): void {
    const { store } = this.#bus;
    store.listen((event) => {
      if (mayNotify(event, this.#setting)) this.#then(() => this.#decide(event));
    });
    store.needs.listen((need) => {
      if (need.event_id !== null && need.state !== "open") this.#then(() => this.#end(need));
    });
  }

  /** Pushes nothing from here on. */
  stop(): void {
    this.#ended = true;
    this.#digest.stop();
    for (const sender of this.#senders) sender.stop();
  }

  show(need: Need): void {
    this.#then(() => (need.event_id === null ? this.#showDialog(need) : this.#remember(need)));
  }

  end(need: Need): void {
    if (need.event_id === null) this.#then(() => this.#end(need));
  }

  /** Runs something after all that was begun before. */
  #then(run: () => Promise<void> | void): void {
    this.#last = this.#last
      .then(() => (this.#ended ? undefined : run()))
      .catch((error) => this.#bus.warn(`could not notify the phone: ${error}`));
  }

  // The setting is about the desktop, and the topics say that the phone is wanted.
  get #setting(): NotifySetting {
    return this.#bus.notices === "off" ? "needs-me" : this.#bus.notices;
  }

  async #decide(event: Event): Promise<void> {
    const { to } = await recipientsOf(this.#bus, event);
    if (noticeOf(event, to, this.#setting) !== "now" || this.#isMuted) return;
    const kind = kindOf(event, to.isRepoLive);
    const sender = await this.#bus.store.sessions.get(event.session_id);
    const isUrgent = kind === "mail" || (kind === "need" && event.event_type === HELP);
    if (!isUrgent || !this.#ofOne.take(event.session_id) || !this.#ofAll.take("all"))
      return this.#digest.add(event.event_type, nameOf(event, sender));
    const words = eventWords(event, kind, sender);
    const name = this.#nameOf({ event_id: event.id, need_id: 0 });
    this.#keep(name, words.title);
    if (await this.#isOurs(name)) this.#send(name, words);
  }

  get #isMuted(): boolean {
    return this.#bus.muted.until > this.#bus.now();
  }

  async #showDialog(need: Need): Promise<void> {
    if (this.#isMuted) return;
    const session = await this.#bus.store.sessions.get(need.session_id);
    const words = dialogWords(need, session, this.#push.detail);
    const name = this.#nameOf(need);
    this.#keep(name, words.title);
    if (!(await this.#isOurs(name))) return;
    for (const sender of this.#senders)
      sender.send({ ...words, name, actions: await this.#buttonsOf(need, sender.topic) });
  }

  /** An earlier process pushed the event of this need when it came. */
  async #remember(need: Need): Promise<void> {
    const name = this.#nameOf(need);
    if (Date.parse(need.since) >= this.#began) return;
    const event = await this.#bus.store.events.get(need.event_id ?? 0);
    const sender = await this.#bus.store.sessions.get(need.session_id);
    if (event !== undefined) this.#keep(name, eventWords(event, kindOf(event, false), sender).title);
  }

  async #end(need: Need): Promise<void> {
    const name = this.#nameOf(need);
    const title = this.#shown.get(name);
    if (title === undefined) return;
    this.#shown.delete(name);
    if (!(await this.#isOurs(name))) return;
    for (const sender of this.#senders)
      if (!sender.takeBack(name)) sender.send({ ...endWords(title, need), name });
  }

  /** False if another bus that still runs pushes it. Twice is better than not at all. */
  async #isOurs(name: string): Promise<boolean> {
    const { peers } = this.#bus.store;
    return peers.take(`push ${name} ${await this.#topics}`, OURS_MS).catch(() => true);
  }

  async #buttonsOf(need: Need, { authorization }: Topic): Promise<Action[]> {
    const { publicUrl } = this.#push;
    if (publicUrl === null || (need.kind === "permission" && authorization === null)) return [];
    const now = this.#bus.now();
    return Promise.all(
      choicesOf(need).map(async ({ what, label }) => ({
        label,
        url: `${publicUrl}/answer/${await buttonSecret(need, what, now)}`,
      })),
    );
  }

  #send(name: string, words: Words): void {
    for (const sender of this.#senders) sender.send({ ...words, name });
  }

  #keep(name: string, title: string): void {
    this.#shown.set(name, title);
    const [oldest] = this.#shown.keys();
    if (oldest !== undefined && this.#shown.size > MOST_SHOWN) this.#shown.delete(oldest);
  }

  #nameOf({ event_id, need_id }: Pick<Need, "event_id" | "need_id">): string {
    return `${this.#bus.store.id}-${event_id === null ? `need-${need_id}` : `event-${event_id}`}`;
  }
}
