import { machineOf } from "../domain/machine.ts";
import { originOf, publish } from "../domain/publish.ts";
import { deletedRefusal, notFound } from "../domain/session.ts";
import { NoSessionError } from "../lib/command.ts";
import { operation } from "./operation.ts";
import { CLIENT_ID, MACHINE, MACHINE_ID, SESSION_ID } from "./params.ts";
import { countLive } from "./present.ts";

export const unregisterSession = operation({
  name: "unregister_session",
  about: "Leave the bus.",
  effect: "overwrites",
  appends: true,
  params: { session_id: SESSION_ID, client_id: CLIENT_ID, machine: MACHINE, machine_id: MACHINE_ID },
  command: {
    name: "unregister",
    examples: [
      ['unregister --session-id "$SESSION_ID"', "leave the bus"],
      ['unregister --client-id "$$"', "leave by client id"],
    ],
    before(args, _flags, here) {
      if (args.session_id === undefined && args.client_id === undefined)
        throw new NoSessionError("unregister needs --session-id or --client-id.");
      return args.client_id === undefined ? args : { ...args, ...here.machine() };
    },
  },
  async run(bus, args, { caller }) {
    const machine = machineOf(bus, args);
    if (!args.session_id && !args.client_id)
      return { error: "Nothing was unregistered. Give session_id or client_id." };
    const session = args.session_id
      ? await bus.store.sessions.get(args.session_id)
      : await bus.store.sessions.byClient(machine, args.client_id ?? "");
    if (session === undefined)
      return args.session_id
        ? notFound(args.session_id)
        : { error: "Session not found", client_id: args.client_id, machine: machine.name };
    if (session.deleted_at !== null)
      return deletedRefusal(session, "This session is already unregistered, so nothing is left to do.");
    const ended = {
      event_type: "session_unregistered",
      payload: `${session.name} ended on ${session.machine}`,
      session_id: session.session_id,
      channel: "all",
      origin: originOf(caller),
    };
    await publish(bus, ended, { kind: "unregister", sessionId: session.session_id });
    bus.subscriptions.dismiss(session.session_id);
    return {
      success: true,
      session_id: session.session_id,
      display_id: session.display_id,
      active_sessions: await countLive(bus),
    };
  },
  print(result, to) {
    to.line(
      `Unregistered ${to.bold(to.text(result.display_id))} (live sessions: ${to.text(result.active_sessions)})`,
    );
  },
});
