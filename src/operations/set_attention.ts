import { WAKE_SETTINGS } from "../domain/attention.ts";
import { resolveChannel } from "../domain/channel.ts";
import type { Bus } from "../domain/context.ts";
import { attentionOf } from "../domain/inbox.ts";
import type { Session } from "../domain/session.ts";
import { durationOf } from "../domain/token.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { SESSIONS } from "../lib/param.ts";
import { operation } from "./operation.ts";
import { liveSessions } from "./present.ts";

const MOST_MUTED_SECONDS = 30 * 86_400;

export const setAttention = operation({
  name: "set_attention",
  about: "Show or set what wakes a session, or mute it.",
  effect: "overwrites",
  listed: false,
  params: {
    session: {
      type: "text",
      min: 1,
      max: "channel_bytes",
      offers: [SESSIONS, "all"],
      about: "Name, @claim or id of a session, or all",
    },
    wake: {
      type: "text",
      optional: true,
      max: 8,
      choices: [...WAKE_SETTINGS, "default"],
      about: "Events that wake it (default: as set for the bus)",
    },
    mute_seconds: {
      type: "integer",
      optional: true,
      flag: false,
      min: 0,
      max: MOST_MUTED_SECONDS,
      about: "Seconds to mute it, or 0 to unmute",
    },
  },
  command: {
    name: "attention",
    words: [{ param: "session", placeholder: "SESSION" }],
    examples: [
      ["attention api", "show what wakes it"],
      ["attention api --mute 1h", "mute it for an hour"],
      ["attention all --wake off", "wake no session"],
    ],
    flags: {
      mute: { about: "Mute for this long, e.g. 30m, 1h, 2d", value: "time" },
      unmute: { about: "End the mute", boolean: true },
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
      const muted = muted_until === null ? "" : `, muted until ${to.clock(muted_until)}`;
      to.line(`${to.bold(to.text(name))}: woken by ${WOKEN_BY[wake as keyof typeof WOKEN_BY]}${muted}`);
    }
  },
});

const WOKEN_BY = {
  direct: "messages to it",
  repo: "messages to it, and actionable events of its repository and machine",
  all: "every actionable event",
  off: "nothing",
} as const;

async function sessionNamed(bus: Bus, named: string): Promise<Session[] | Json> {
  const resolved = await resolveChannel(bus, named.startsWith("@") ? named : `session:${named}`);
  if ("refusal" in resolved)
    return {
      error: resolved.refusal.error,
      candidates: resolved.refusal.candidates,
      hint: "Use one of the ids.",
    };
  return resolved.recipient === undefined
    ? {
        error: `No live session has the name or id "${named}".`,
        hint: "list_sessions shows the live sessions.",
      }
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
  if (unmute) throw new UsageError("Use --mute or --unmute, not both.");
  const ms = durationOf(String(mute));
  if (ms === null || ms > MOST_MUTED_SECONDS * 1000)
    throw new UsageError(`--mute takes a time up to 30d, like 30m or 1h, not "${mute}".`);
  return { mute_seconds: ms / 1000 };
}
