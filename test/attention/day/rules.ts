import { pushOf } from "../../../src/domain/attention.ts";
import { type Event, type EventDraft, eventOf } from "../../../src/domain/event.ts";
import { append } from "../../../src/domain/publish.ts";
import { Storms } from "../../../src/domain/storms.ts";
import { type Collected, handOver } from "../../../src/hooks/text.ts";
import { startHere } from "../../support/bus.ts";
import { type HookPath, type Session, startSession } from "../session.ts";
import type { Rules } from "./play.ts";
import { type Member, type Message, START, TEAM } from "./trace.ts";

/** The bus itself, with a clock that the day sets. */
export class TheseRules implements Rules {
  at = START;
  readonly #sessions = new Map<string, Session>();
  readonly #storms = new Storms();
  #store: Parameters<typeof append>[0] | undefined;

  static async start(): Promise<TheseRules> {
    const rules = new TheseRules();
    const now = () => rules.at;
    const bus = await startHere({ now });
    rules.#store = bus.server.store;
    for (const member of TEAM) rules.#sessions.set(member.name, await startSession(bus, { ...member, now }));
    return rules;
  }

  async publish(message: Message): Promise<Event> {
    if (this.#store === undefined) throw new Error("not started");
    const event = await append(
      this.#store,
      draftOf(message, (name) => this.#idOf(name)),
    );
    this.#storms.note(event);
    return event;
  }

  hints(event: Event, { name, repo, branch }: Member): boolean {
    if (this.#storms.has(event)) return false;
    const session = { session_id: this.#idOf(name), repo, branch, machine: "" };
    return pushOf(event, session, { wake: "direct", mutedUntil: 0 }, this.at) === "wake";
  }

  hook(who: string, path: HookPath, more?: object): Promise<string> {
    const session = this.#sessions.get(who);
    return session === undefined ? Promise.resolve("") : session.read(path, more);
  }

  #idOf(name: string): string {
    return this.#sessions.get(name)?.id ?? name;
  }
}

const MOST_EVENTS = 20;

/**
 * The rules before: whatever is actionable for a session wakes it and comes at its tool uses, everything but lifecycle
 * events comes at its prompts, oldest first, at most 20 at once.
 */
export class FormerRules implements Rules {
  at = START;
  readonly #unread = new Map<string, Event[]>(TEAM.map(({ name }) => [name, []]));
  #last = 0;

  async publish(message: Message): Promise<Event> {
    const event = eventOf(
      ++this.#last,
      new Date(this.at).toISOString(),
      draftOf(message, (name) => name),
    );
    for (const member of TEAM)
      if (isFor(event, member) && event.signal_level !== "lifecycle")
        this.#unread.get(member.name)?.push(event);
    return event;
  }

  hints(event: Event, member: Member): boolean {
    return event.signal_level === "actionable" && isFor(event, member);
  }

  async hook(who: string, path: HookPath): Promise<string> {
    const unread = this.#unread.get(who) ?? [];
    const wanted = unread.filter(({ signal_level }) => path === "prompt" || signal_level === "actionable");
    if (wanted.length === 0) return "";
    const { text, shown } = handOver(
      {
        session_id: who,
        events: wanted.slice(0, MOST_EVENTS).map(collected),
        more: Math.max(0, wanted.length - MOST_EVENTS),
      },
      this.at,
    );
    const ids = new Set(shown.map(({ id }) => id));
    this.#unread.set(
      who,
      unread.filter(({ id }) => !ids.has(id)),
    );
    return text;
  }
}

function isFor({ channel, session_id }: Event, { name, repo }: Member): boolean {
  return session_id !== name && ["all", `repo:${repo}`, `session:${name}`].includes(channel);
}

function collected(event: Event): Collected {
  const sender = TEAM.find(({ name }) => name === event.session_id);
  const from =
    sender === undefined
      ? { name: event.session_id }
      : { name: sender.name, display_id: "tidy-triceratops", repo: sender.repo, machine: "desk" };
  return { ...event, from, ...(event.origin !== undefined && { origin: event.origin }) };
}

function draftOf(
  { from, to, channel, origin = "local", ...rest }: Message,
  idOf: (name: string) => string,
): EventDraft {
  return {
    ...{ ...rest, origin, session_id: idOf(from) },
    channel: to === undefined ? (channel ?? "all") : `session:${idOf(to)}`,
  };
}
