import type { Bus } from "../../domain/context.ts";
import { isMail } from "../../domain/direct_message.ts";
import { inboxOf } from "../../domain/inbox.ts";
import { machineOf, seenProcess } from "../../domain/machine.ts";
import { isReserved, reservedProblem, sessionName } from "../../domain/person.ts";
import { originOf } from "../../domain/publish.ts";
import { reachOf } from "../../domain/reachability.ts";
import { register } from "../../domain/registration.ts";
import type { Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { renamed } from "../names.ts";
import { operation } from "../operation.ts";
import { PID_NAMESPACE } from "../params.ts";
import { expectRoom, liveSessions } from "../present.ts";
import { carry, endDialogs, HOOK_SESSION, report } from "./session.ts";

const MOST_OTHERS = 20;

export const startSession = operation({
  name: "start_session",
  about: "Register a session from its client's hook.",
  effect: "writes",
  appends: true,
  listed: false,
  params: {
    ...HOOK_SESSION,
    name: { type: "text", min: 1, max: "name_bytes", about: "Its branch or folder" },
    title: {
      type: "text",
      optional: true,
      min: 1,
      max: "name_bytes",
      about: "Name that the user gave it",
    },
    cwd: { type: "text", max: "cwd_bytes", about: "Its working directory" },
    repo: { type: "text", max: "name_bytes", about: "Its repository" },
    pid_namespace: PID_NAMESPACE,
    pid_started: { type: "text", optional: true, max: 128, about: "When that process started" },
  },
  async run(bus, args, { caller }) {
    const machine = machineOf(bus, args);
    const { pid, pid_started: started, pid_namespace: namespace } = args;
    const process = pid === undefined || started === undefined ? undefined : { pid, started };
    if (isReserved(args.client_id))
      return { error: `Nothing was registered. ${reservedProblem(args.client_id)}` };
    await expectRoom(bus, machine, args.client_id);
    const { session, wanted, event, doubtful } = await register(bus, {
      name: sessionName(args.title ?? args.name),
      guessed: args.title === undefined,
      title: args.title,
      machine,
      ...seenProcess(bus, machine, { process, namespace }),
      cwd: args.cwd,
      repo: args.repo,
      branch: args.branch ?? null,
      client_id: args.client_id,
      origin: originOf(caller),
      state: "busy",
    });
    // A waiter is not given what the hook then finds in the conversation.
    if (event === null) await bus.turns.take(session.session_id);
    if (args.mod) await carry(bus, session);
    report(bus, session, "busy", { readMsAgo: 0 });
    endDialogs(bus, session);
    const unread = await unreadOf(bus, session);
    if (event === null && (args.mod || unread.repeats === undefined)) bus.turns.end(session.session_id);
    return {
      session_id: session.session_id,
      display_id: session.display_id,
      name: session.name,
      repo: session.repo,
      claims: await bus.store.sessions.claimsOf(session.session_id),
      resumed: event === null,
      ...renamed(wanted, session.name),
      ...(await othersOf(bus, session)),
      ...unread,
      ...(doubtful.length > 0 && { doubtful }),
    };
  },
});

/** Other live sessions, those of the same repository first. */
async function othersOf(bus: Bus, session: Session): Promise<Json> {
  const others = (await liveSessions(bus)).filter(({ session_id }) => session_id !== session.session_id);
  const sameRepo = (other: Session) => (other.repo === session.repo ? 0 : 1);
  const nearest = others.sort((a, b) => sameRepo(a) - sameRepo(b)).slice(0, MOST_OTHERS);
  return {
    others: await Promise.all(
      nearest.map(async (other) => ({
        name: other.name,
        display_id: other.display_id,
        repo: other.repo,
        machine: other.machine,
        reach: await reachOf(bus, other),
      })),
    ),
    other_sessions: others.length,
  };
}

/** Direct messages whose senders are told. */
const MOST_MAIL = 20;

/** Number of unread events, the senders of the direct messages among them, and those that it may have read. */
async function unreadOf(bus: Bus, session: Session): Promise<Json> {
  const { unread, digest } = await inboxOf(bus, session, "start", MOST_MAIL);
  const mail = unread.filter(({ event }) => isMail(event));
  const direct = await bus.store.mail.count(session.session_id);
  const senders = [...new Set(mail.map(({ event }) => event.session_id))].slice(0, 5);
  const repeats = mail.flatMap(({ event, repeat }) => (repeat ? [event.id] : []));
  const names = senders.map(async (id) => (await bus.store.sessions.get(id))?.name ?? id);
  return {
    unread: direct + unread.length - mail.length + digest.length,
    direct,
    direct_from: await Promise.all(names),
    ...(repeats.length > 0 && { repeats }),
  };
}
