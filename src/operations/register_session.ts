import { announce } from "../bus/announce.ts";
import { formatCursor } from "../bus/cursor.ts";
import { operation } from "../operation.ts";
import { CLIENT_ID, MACHINE } from "./params.ts";
import { countLive, expectRoom } from "./present.ts";

export const registerSession = operation({
  name: "register_session",
  about: "Join the bus. The same client_id on the same machine resumes the same session with its cursor.",
  effect: "writes",
  appends: true,
  params: {
    name: { type: "text", min: 1, max: "name_bytes", about: "What you work on, e.g. the branch" },
    machine: MACHINE,
    cwd: { type: "text", optional: true, flag: false, max: "cwd_bytes", about: "Your working directory" },
    client_id: CLIENT_ID,
    repo: {
      type: "text",
      optional: true,
      flag: false,
      max: "name_bytes",
      about: "Repository (default: from cwd)",
    },
  },
  commands: [
    {
      name: "register",
      examples: [
        ["register", "join as the folder's name"],
        ['register --name "my-feature" --client-id "$$" --json | jq -r .session_id', "join and keep the id"],
      ],
      async before(args, _flags, here) {
        const name = args.name ?? (here.cwd.split(/[\\/]/).filter(Boolean).at(-1) || "session");
        return { ...args, name, cwd: here.cwd, machine: here.machine(), repo: await here.repo() };
      },
    },
  ],
  async run(bus, args, { caller }) {
    const machine = args.machine || bus.host;
    const cwd = args.cwd ?? "";
    const repo = args.repo?.replace(/[\n\t\r]/g, " ").trim() || (await bus.repoOf(cwd, machine));
    const client_id = args.client_id ?? null;
    await expectRoom(bus, machine, client_id);
    const { session, event } = await bus.store.sessions.register({
      name: args.name,
      machine,
      cwd,
      repo,
      client_id,
      origin: caller.origin,
    });
    if (event !== null) announce(bus, event);
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
      tip: `You are "${session.name}" (${session.display_id}). Read what is new with get_events(session_id, resume=true, order="asc"); others reach you at session:${session.display_id}.`,
    };
  },
  print(result, to) {
    const how = result.resumed === true ? "Resumed" : "Registered";
    to.line(`${how} as ${to.bold(to.text(result.display_id))}  ${to.text(result.name)}`);
    to.table([
      ["  session", to.text(result.session_id)],
      ["  repo", to.text(result.repo)],
      ["  machine", to.text(result.machine)],
      ["  cursor", to.text(result.cursor)],
      ["  sessions", to.text(result.active_sessions)],
    ]);
  },
});
