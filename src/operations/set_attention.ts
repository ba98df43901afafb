import { WAKE_SETTINGS } from "../domain/attention.ts";
import { resolveChannel } from "../domain/channel.ts";
import type { Bus } from "../domain/context.ts";
import { attentionOf } from "../domain/inbox.ts";
import type { Session } from "../domain/session.ts";
import { durationOf } from "../domain/token.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { liveSessions } from "./present.ts";

const MOST_MUTED_SECONDS = 30 * 86_400;

export const setAttention = operation({
  name: "set_attention",
  about: "What may wake a session, and when it is left alone.",
  effect: "overwrites",
  listed: false,
  params: {
    session: { type: "text", min: 1, max: "channel_bytes", about: "Its name, @claim or id, or all" },
    wake: {
      type: "text",
      optional: true,
      max: 8,
      choices: [...WAKE_SETTINGS, "default"],
      about: "What wakes it; default is as the bus is set",
    },
    mute_seconds: {
      type: "integer",
      optional: true,
      flag: false,
      min: 0,
      max: MOST_MUTED_SECONDS,
      about: "Push nothing for so long; 0 ends it",
    },
  },
  command: {
    name: "attention",
    positional: "session",
    placeholder: "SESSION",
    examples: [
      ["attention api", "what may wake it now"],
      ["attention api --mute 1h", "leave it alone for an hour"],
      ["attention all --wake off", "wake nobody"],
    ],
    flags: {
      mute: { about: "Push nothing for this long, e.g. 30m, 1h, 2d", value: "time" },
      unmute: { about: "Push again", boolean: true },
    },
    before: (args, { mute, unmute }) => ({ ...args, ...muteOf(mute, unmute === true) }),
  },
  async run(bus, { session: named, wake, mute_seconds }) {
    const found = named === "all" ? await liveSessions(bus) : await sessionNamed(bus, named);
    if (!Array.isArray(found)) return found;
    const changes = wake !== undefined || mute_seconds !== undefined;
    const setting = wake === "default" ? null : (wake as Session["wake"] | undefined);
    const until = mute_seconds === undefined ? undefined : mute_seconds && bus.now() + mute_seconds * 1000;
    const sessions = [];
    for (const { session_id } of found) {
      if (changes) {
        await bus.store.sessions.attend(session_id, setting, until);
        bus.subscriptions.refresh(session_id);
      }
      const session = await bus.store.sessions.get(session_id);
      if (session !== undefined) sessions.push(viewOf(bus, session));
    }
    return { sessions };
  },
  print(result, to) {
    const sessions = result.sessions as Json[];
    if (sessions.length === 0) return to.line("No live sessions.");
    for (const { name, wake, muted_until } of sessions) {
      const muted = muted_until === null ? "" : `, muted until ${to.time(muted_until)}`;
      to.line(`${to.bold(to.text(name))}: woken by ${WOKEN_BY[wake as keyof typeof WOKEN_BY]}${muted}`);
    }
  },
});

const WOKEN_BY = {
  direct: "messages to it",
  repo: "messages to it, and what is actionable on its repository and machine",
  all: "everything that is actionable",
  off: "nothing",
} as const;

async function sessionNamed(bus: Bus, named: string): Promise<Session[] | Json> {
  const resolved = await resolveChannel(bus, named.startsWith("@") ? named : `session:${named}`);
  if ("refusal" in resolved)
    return {
      error: resolved.refusal.error,
      candidates: resolved.refusal.candidates,
      hint: "Name one by its id.",
    };
  return resolved.recipient === undefined
    ? { error: `No live session has the name or id "${named}".`, hint: "list_sessions shows who is here." }
    : [resolved.recipient];
}

function viewOf(bus: Bus, session: Session): Json {
  const { wake, mutedUntil } = attentionOf(bus, session);
  const muted = mutedUntil > bus.now();
  return {
    session_id: session.session_id,
    name: session.name,
    wake,
    muted_until: muted ? new Date(mutedUntil).toISOString() : null,
  };
}

function muteOf(mute: string | boolean | undefined, unmute: boolean): Json {
  if (mute === undefined) return unmute ? { mute_seconds: 0 } : {};
  if (unmute) throw new UsageError("--mute and --unmute contradict each other.");
  const ms = durationOf(String(mute));
  if (ms === null || ms > MOST_MUTED_SECONDS * 1000)
    throw new UsageError(`--mute takes a time up to 30d, like 30m or 1h, not "${mute}".`);
  return { mute_seconds: ms / 1000 };
}
