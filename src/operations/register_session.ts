import { type Bus, here } from "../domain/context.ts";
import { formatCursor } from "../domain/cursor.ts";
import { isOwn, machineOf, seenProcess } from "../domain/machine.ts";
import { isReserved, reservedProblem } from "../domain/person.ts";
import { originOf } from "../domain/publish.ts";
import { register } from "../domain/registration.ts";
import { isAlive, processNumber, type Session, sees } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { claimName, renamed } from "./names.ts";
import { operation } from "./operation.ts";
import { CLIENT_ID, MACHINE, MACHINE_ID, PID_NAMESPACE } from "./params.ts";
import { countLive, expectRoom } from "./present.ts";

const UNTITLED = [{}, {}];

export const registerSession = operation({
  name: "register_session",
  about: "Join the bus, or resume your client's session.",
  effect: "writes",
  appends: true,
  params: {
    name: { type: "text", min: 1, max: "name_bytes", about: "Name, e.g. your task" },
    machine: MACHINE,
    cwd: { type: "text", optional: true, flag: false, max: "cwd_bytes", about: "Your working directory" },
    client_id: CLIENT_ID,
    repo: {
      type: "text",
      optional: true,
      flag: false,
      max: "name_bytes",
      about: "Default: derived from cwd",
    },
    machine_id: MACHINE_ID,
    pid_namespace: PID_NAMESPACE,
    claim: { type: "boolean", default: false, about: "Hold @name and get its mail" },
  },
  command: {
    name: "register",
    examples: [
      ["register", "join under the folder's name"],
      ["register --name api --claim", "hold the name @api"],
      ['register --name "my-feature" --client-id "$$" --json | jq -r .session_id', "join and keep the id"],
    ],
    async before(args, _flags, here) {
      const name = args.name ?? (here.cwd.split(/[\\/]/).filter(Boolean).at(-1) || "session");
      // A claim typed in a session's shell belongs to that session.
      const own = args.claim === true ? { client_id: here.sessionId } : {};
      const stated = { ...own, ...args, name, cwd: here.cwd, ...here.machine(), repo: await here.repo() };
      const isProcess = processNumber(String(args.client_id ?? "")) !== null;
      return isProcess ? { ...stated, pid_namespace: here.pidNamespace() } : stated;
    },
  },
  async run(bus, args, { caller }) {
    const machine = machineOf(bus, args);
    const cwd = args.cwd ?? "";
    const mayLook = caller.local && isOwn(machine, bus);
    const repo = args.repo?.replace(/[\n\t\r]/g, " ").trim() || (await bus.repoOf(cwd, mayLook));
    const client_id = args.client_id ?? null;
    const reserved = [args.name, client_id ?? ""].find(isReserved);
    if (reserved !== undefined)
      return { error: `Nothing was registered. ${reservedProblem(reserved)}`, name: args.name };
    await expectRoom(bus, machine, client_id);
    const { session, event } = await register(bus, {
      ...{ name: args.name, machine, cwd, repo, client_id },
      ...seenProcess(bus, machine, { namespace: args.pid_namespace }),
      origin: originOf(caller),
    });
    const claimed = args.claim ? await claimName(bus, args.name, session) : {};
    const { warning } = renamed(args.name, session.name);
    const warnings = [warning, claimed.warning, ofNoProcess(bus, session)].filter(Boolean);
    return {
      session_id: session.session_id,
      display_id: session.display_id,
      name: session.name,
      machine: session.machine,
      cwd: session.cwd,
      repo: session.repo,
      active_sessions: await countLive(bus),
      cursor: formatCursor(session.cursor ?? (await bus.store.events.tip())),
      resumed: event === null,
      ...claimed,
      ...(warnings.length > 0 && { warning: warnings.join(" ") }),
      tip: `You are "${session.name}" (${session.display_id}). Read what is new with get_events(session_id, resume=true, order="asc"). Others reach you at session:${session.display_id}.`,
    };
  },
  print(result, to) {
    const how = result.resumed === true ? "Resumed" : "Registered";
    to.line(`${how} as ${to.bold(to.text(result.display_id))}  ${to.text(result.name)}`);
    to.table(UNTITLED, [
      ["  session", to.text(result.session_id)],
      ["  repo", to.text(result.repo)],
      ["  machine", to.text(result.machine)],
      ["  cursor", to.text(result.cursor)],
      ["  sessions", to.text(result.active_sessions)],
      ...(result.claimed === undefined ? [] : [["  claimed", to.text(result.claimed)]]),
    ]);
    const mail = (result.waiting_mail ?? []) as Json[];
    for (const { event_id, event_type, payload } of mail)
      to.line(`  waiting: #${to.text(event_id)} ${to.text(event_type)}: ${to.text(payload)}`);
  },
});

/** Tells a caller that its session counts as gone already, because its client_id names a process that does not run. */
function ofNoProcess(bus: Bus, session: Session): string | undefined {
  const place = here(bus);
  const number = session.process === null ? processNumber(session.client_id) : null;
  if (number === null || !sees(place, session) || isAlive(session, place)) return undefined;
  return `The client_id ${number} is the number of a process, and this bus sees no such process, so the session counts as gone. Register with the number of a running process, or with a client_id that is not a number.`;
}
