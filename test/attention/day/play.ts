// Plays a day by some rules, and counts what it puts into the sessions' contexts.
import type { Event } from "../../../src/domain/event.ts";
import { eventsIn } from "../../support/hooks.ts";
import type { HookPath } from "../session.ts";
import {
  type Member,
  type Message,
  SECOND_MS,
  type Step,
  TEAM,
  THANKFUL,
  THANKS,
  THANKS_END,
} from "./trace.ts";

/** The rules of what is pushed, with the events and sessions that they hold. */
export interface Rules {
  at: number;
  publish(message: Message): Promise<Event>;
  /** True if the event makes the hook that waits for an idle session look. */
  hints(event: Event, who: Member): boolean;
  /** What a hook hands over, empty if nothing. `wake`: what the hook that waits would wake the session with. */
  hook(who: string, path: HookPath, more?: object): Promise<string>;
}

/** What the day put into contexts. */
export interface Tally {
  wakes: number;
  handOvers: number;
  bytes: number;
  /** Time from a direct message to its hand-over, ms. */
  delays: number[];
  /** Direct messages that were not handed over exactly once. */
  wrong: number;
  /** Events that were neither handed over nor counted, for all sessions together. Negative if too many were counted. */
  lost: number;
}

/** A turn after a wake: one tool use, unless the session only thanks. */
const TURN_MS = 30 * SECOND_MS;

/** The numbers of a digest. Older events are as many at most. */
const COUNTED = /^(\d+) (?:other )?events? since (?:.*and up to (\d+) older ones)?/m;

export async function play(rules: Rules, day: readonly Step[]): Promise<Tally> {
  const player = new Player(rules, day);
  await player.play();
  return player.tally();
}

class Player {
  readonly #rules: Rules;
  readonly #steps: Step[];
  readonly #later: Step[] = [];
  readonly #busy = new Map<string, number>();
  readonly #mail = new Map<number, { at: number; to: string; seen: number[] }>();
  #unread = 0;
  #turns = 0;
  #wakes = 0;
  #handOvers = 0;
  #bytes = 0;

  constructor(rules: Rules, day: readonly Step[]) {
    this.#rules = rules;
    this.#steps = [...day].reverse();
  }

  async play(): Promise<void> {
    for (let step = this.#next(); step !== undefined; step = this.#next()) {
      this.#rules.at = step.at;
      await this.#do(step);
    }
    // Everybody is asked once more, so that what still waits is seen.
    for (const { name } of TEAM) while ((await this.#hook(name, "prompt")) !== "");
  }

  tally(): Tally {
    const mail = [...this.#mail.values()];
    return {
      ...{ wakes: this.#wakes, handOvers: this.#handOvers, bytes: this.#bytes },
      delays: mail.flatMap(({ at, seen }) => seen.slice(0, 1).map((time) => time - at)),
      wrong: mail.filter(({ seen }) => seen.length !== 1).length,
      lost: this.#unread,
    };
  }

  #next(): Step | undefined {
    this.#later.sort((a, b) => b.at - a.at);
    const [planned, added] = [this.#steps.at(-1), this.#later.at(-1)];
    if (added !== undefined && (planned === undefined || added.at < planned.at)) return this.#later.pop();
    return this.#steps.pop();
  }

  async #do(step: Step): Promise<void> {
    switch (step.kind) {
      case "publish":
        return this.#publish(step.message);
      case "tool":
        await this.#hook(step.who, "tool");
        return;
      case "prompt":
        this.#busy.set(step.who, ++this.#turns);
        await this.#hook(step.who, "prompt");
        return;
      case "stop":
        if (step.turn !== undefined && step.turn !== this.#busy.get(step.who)) return;
        return this.#stop(step.who);
    }
  }

  async #publish(message: Message): Promise<void> {
    const event = await this.#rules.publish(message);
    if (message.to !== undefined) this.#mail.set(event.id, { at: this.#rules.at, to: message.to, seen: [] });
    this.#unread += TEAM.filter((member) => concerns(event, message, member)).length;
    for (const member of TEAM)
      if (!this.#busy.has(member.name) && this.#rules.hints(event, member)) await this.#waits(member.name);
  }

  /** The Stop hook, once, and then the hook that waits. */
  async #stop(who: string): Promise<void> {
    const text = await this.#hook(who, "stop");
    this.#busy.delete(who);
    if (text !== "") return this.#works(who, text);
    await this.#waits(who);
  }

  async #waits(who: string): Promise<void> {
    const text = await this.#hook(who, "wake");
    if (text === "") return;
    this.#works(who, text);
    // The client runs the hook of a prompt for such a turn too.
    await this.#hook(who, "prompt", { automatic: true });
  }

  /** A turn that an event began. */
  #works(who: string, text: string): void {
    const turn = ++this.#turns;
    this.#busy.set(who, turn);
    const { at } = this.#rules;
    if (!text.includes(THANKS)) this.#later.push({ at: at + TURN_MS / 2, kind: "tool", who });
    this.#later.push({ at: at + TURN_MS, kind: "stop", who, turn });
  }

  async #hook(who: string, path: HookPath, more?: object): Promise<string> {
    const text = await this.#rules.hook(who, path, more);
    if (text === "") return text;
    if (path === "wake" || path === "stop") this.#wakes++;
    else this.#handOvers++;
    this.#bytes += Buffer.byteLength(text);
    const events = eventsIn(text);
    const [, counted = 0, older = 0] = COUNTED.exec(text) ?? [];
    this.#unread -= events.length + Number(counted) + Number(older);
    for (const { id } of events) {
      const mail = this.#mail.get(id);
      if (mail?.to === who) mail.seen.push(this.#rules.at);
    }
    this.#thank(who, text);
    return text;
  }

  #thank(who: string, text: string): void {
    const [one, other] = THANKFUL;
    const to = who === one ? other : who === other ? one : undefined;
    const at = this.#rules.at + TURN_MS / 2;
    if (to === undefined || !text.includes(THANKS) || at > THANKS_END) return;
    this.#later.push({
      at,
      kind: "publish",
      message: { event_type: "note", from: who, to, payload: THANKS },
    });
  }
}

function concerns({ signal_level }: Event, { from, to, channel }: Message, { name, repo }: Member): boolean {
  if (signal_level === "lifecycle" || from === name) return false;
  return to === name || channel === "all" || channel === `repo:${repo}`;
}
