// A day of a team, made by chance from a seed: who works when, and what is published.
import type { EventDraft } from "../../../src/domain/event.ts";

export const START = Date.UTC(2026, 10, 29);
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;
export const SECOND_MS = 1_000;

export interface Member {
  name: string;
  repo: string;
  branch: string;
}

/** `to` and `from` are names of members; `from` may be a stranger. */
export interface Message extends Pick<EventDraft, "event_type" | "payload"> {
  from: string;
  to?: string;
  /** Without a recipient. */
  channel?: string;
  correlation_id?: string;
  origin?: string;
}

export type Step = { at: number } & (
  | { kind: "prompt" | "tool"; who: string }
  | { kind: "stop"; who: string; turn?: number }
  | { kind: "publish"; message: Message }
);

export const TEAM: readonly Member[] = ["shop", "app", "infra"].flatMap((repo) =>
  [1, 2, 3, 4].map((i) => ({ name: `${repo}-${i}`, repo, branch: `feature/${repo}-${i}` })),
);

/** Two sessions that answer every message of each other with thanks, for an hour, until the user sees it. */
export const THANKFUL = ["app-2", "app-3"] as const;
export const THANKS = "Thank you, that helped a lot!";
export const THANKS_END = START + 15 * HOUR_MS;

const RUNAWAY_PER_SECOND = 20;
const RUNAWAY_MS = 2 * MINUTE_MS;
const WORDS =
  "the orders API returns an empty list when the cursor is older than a day so the client shows nothing and the test fails".split(
    " ",
  );

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `faults`: with a runaway publisher for two minutes and two sessions that thank each other. */
export function makeDay(seed: number, faults: boolean): Step[] {
  const day = new Day(random(seed));
  for (const [i, member] of TEAM.entries()) day.works(member, i % 4 === 0);
  day.user();
  if (faults) day.faults();
  return day.steps.sort((a, b) => a.at - b.at);
}

class Day {
  readonly steps: Step[] = [];
  readonly #random: () => number;
  #questions = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Turns from nine to seven with pauses between them, and one an hour at night for who works on alone. */
  works(member: Member, atNight: boolean): void {
    for (let hour = 0; atNight && hour < 8; hour++)
      this.#turn(member, START + hour * HOUR_MS + this.#upTo(20 * MINUTE_MS));
    const end = START + 19 * HOUR_MS;
    for (let at = START + 9 * HOUR_MS + this.#upTo(30 * MINUTE_MS); at < end; )
      at = this.#turn(member, at) + MINUTE_MS + Math.round(-Math.log(1 - this.#random()) * 15 * MINUTE_MS);
  }

  user(): void {
    const say = (hour: number, channel: string, payload: string) =>
      this.#publish(START + hour * HOUR_MS, {
        event_type: "note",
        from: "human",
        channel,
        payload,
        origin: "person",
      });
    say(10, "all", "The release is today: no new features from now on.");
    say(16, "repo:shop", "Freeze of the shop at five, please finish what is open.");
  }

  faults(): void {
    const runaway = START + 11 * HOUR_MS;
    for (let at = runaway; at < runaway + RUNAWAY_MS; at += SECOND_MS / RUNAWAY_PER_SECOND)
      this.#publish(at, {
        event_type: "help_needed",
        from: "runaway",
        channel: "repo:infra",
        payload: this.#text(20),
      });
    const [one, other] = THANKFUL;
    this.#publish(START + 14 * HOUR_MS, { event_type: "note", from: one, to: other, payload: THANKS });
  }

  /** One turn of an agent: tool uses with what it publishes in between. Returns its end. */
  #turn(member: Member, from: number): number {
    const { name: who, repo } = member;
    this.steps.push({ at: from, kind: "prompt", who });
    if (this.#happens(0.5))
      this.#publish(from + 1, {
        event_type: "task_started",
        from: who,
        channel: "all",
        payload: this.#text(8),
      });
    let at = from;
    for (let tools = 3 + this.#upTo(10); tools > 0; tools--) {
      at += 30 * SECOND_MS + this.#upTo(90 * SECOND_MS);
      this.steps.push({ at, kind: "tool", who });
      if (this.#happens(0.1)) this.#says(member, at + 1);
    }
    if (this.#happens(0.5)) {
      this.#publish(at + 1, {
        event_type: "task_completed",
        from: who,
        channel: `repo:${repo}`,
        payload: this.#text(25),
      });
      if (this.#happens(0.25)) this.#ciFails(member, at + 4 * MINUTE_MS);
    }
    at += 20 * SECOND_MS;
    this.steps.push({ at, kind: "stop", who });
    return at;
  }

  #says({ name: from, repo }: Member, at: number): void {
    const chance = this.#random();
    const note = (event_type: string, channel: string) =>
      this.#publish(at, { event_type, from, channel, payload: this.#text(30) });
    if (chance < 0.35) note("note", this.#happens(0.3) ? "all" : `repo:${repo}`);
    else if (chance < 0.5) note("help_needed", this.#happens(0.5) ? "all" : `repo:${repo}`);
    else if (chance < 0.55) note("blocker_found", `repo:${repo}`);
    else {
      const to = this.#another(from);
      if (chance < 0.8) {
        this.#publish(at, { event_type: "note", from, to, payload: this.#text(40) });
        return;
      }
      const correlation_id = `question-${++this.#questions}`;
      this.#publish(at, { event_type: "question", from, to, correlation_id, payload: this.#text(25) });
      const answered = at + MINUTE_MS + this.#upTo(2 * MINUTE_MS);
      this.#publish(answered, {
        event_type: "answer",
        from: to,
        to: from,
        correlation_id,
        payload: this.#text(40),
      });
    }
  }

  #ciFails({ repo, branch }: Member, at: number): void {
    const payload = `CI failed on ${branch}. ${this.#text(20)}`;
    this.#publish(at, { event_type: "ci_failed", from: "ci", channel: `repo:${repo}`, payload });
  }

  #publish(at: number, message: Message): void {
    this.steps.push({ at, kind: "publish", message });
  }

  #another(name: string): string {
    const others = TEAM.filter((member) => member.name !== name);
    return others[this.#upTo(others.length)]?.name ?? name;
  }

  #text(words: number): string {
    const count = words / 2 + this.#upTo(words);
    return Array.from({ length: Math.ceil(count) }, () => WORDS[this.#upTo(WORDS.length)]).join(" ");
  }

  #happens(chance: number): boolean {
    return this.#random() < chance;
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * most);
  }
}
