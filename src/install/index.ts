import { type LocalCommand, localCommand, type Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { tilde } from "../lib/tilde.ts";
import { printStatus } from "./print_status.ts";

// Declarations only. Each command loads its own code when it runs.

function off(about: string) {
  return { type: "boolean", default: false, about } as const;
}

const TEXT = { type: "text", min: 1 } as const;

const WITHOUT = {
  no_hooks: off("Leave Claude Code's hooks alone, and put in no plugin"),
  hooks_only: off("Use hooks in Claude Code's settings, even if it could load the plugin"),
  no_allow: off("Leave Claude Code's permissions alone: it asks before a session's first call of each tool"),
  no_mcp: off("Do not register the MCP server with Claude Code"),
};

const HOW = {
  dry_run: off("Show what would be done, change nothing"),
  yes: { ...off("Do not ask first"), short: "y" },
};

const STATES: Readonly<Record<string, readonly ["bold" | "trouble" | "attention" | "dim", string]>> = {
  done: ["bold", "done"],
  unchanged: ["dim", "unchanged"],
  skipped: ["attention", "skipped"],
  planned: ["bold", "would do"],
  failed: ["trouble", "FAILED"],
};

/** Shows the steps while they run, then the lines under them. */
const STEPS = {
  tell(step: Json, to: Printer): void {
    const [colour, word] = STATES[String(step.state)] ?? ["dim", String(step.state)];
    const label = word.padEnd(9);
    const state = colour === "dim" || colour === "bold" ? to[colour](label) : to.colour(colour, label);
    to.line(`${state}  ${to.text(step.what).padEnd(8)}  ${to.text(step.text)}`);
  },
  print(result: Json, to: Printer): void {
    for (const line of (result.next as string[] | undefined) ?? []) to.line(to.text(line));
  },
};

const installServer = localCommand({
  about:
    "Install the bus on this machine: the executable, a service that runs it, and the settings of Claude Code. Running it again changes nothing, or updates.",
  params: {
    host: { ...TEXT, optional: true, max: 255, about: "Address to listen on (HOST), kept in settings.env" },
    port: {
      type: "integer",
      optional: true,
      min: 1,
      max: 65_535,
      about: "Port to listen on (PORT), kept in settings.env",
    },
    ...WITHOUT,
    no_service: off("Install no service: you start the bus yourself, with agent-event-bus start"),
    ...HOW,
  },
  command: {
    name: "install server",
    examples: [
      ["install server", "everything, on this machine"],
      ["install server --dry-run", "what it would do"],
      ["install server --port 9090 --no-hooks", "on another port, without hooks"],
    ],
  },
  run: async (args, desk) => (await import("./server.ts")).installServer(args, desk),
  ...STEPS,
});

const installClient = localCommand({
  about: "Install this machine as a client of a bus on another one.",
  params: {
    url: { ...TEXT, max: 2048, about: "The bus, e.g. http://my-server:8080/mcp, kept in settings.env" },
    token: {
      ...TEXT,
      optional: true,
      max: 512,
      about: "The token made there with token create; - reads it from stdin",
    },
    ...WITHOUT,
    ...HOW,
  },
  command: {
    name: "install client",
    // A question needs stdin, which the token has used up.
    before: async (args, _flags, here) =>
      args.token === "-" ? { ...args, token: (await here.stdin()).trim(), yes: true } : args,
    examples: [
      ["install client --url http://my-server:8080/mcp --token aeb_…", "on a plain network, with a token"],
      [
        "install client --url https://my-server.my-tailnet.ts.net/agent-event-bus/mcp",
        "through tailscale serve",
      ],
    ],
  },
  run: async (args, desk) => (await import("./client.ts")).installClient(args, desk),
  ...STEPS,
});

const uninstall = localCommand({
  about: "Undo install: service, hooks, MCP entry, executable. Your data is kept.",
  params: {
    server: off("Only the service"),
    client: off("Only Claude Code's settings, the bus's URL and the token"),
    ...HOW,
  },
  command: {
    name: "uninstall",
    examples: [
      ["uninstall", "everything but the data"],
      ["uninstall --dry-run", "what it would do"],
    ],
  },
  run: async (args, desk) => (await import("./uninstall.ts")).uninstall(args, desk),
  ...STEPS,
});

const doctor = localCommand({
  reads: true,
  about:
    "Check the installation and send a message through it. Each problem comes with the command that repairs it. Exit code 0 if all is well.",
  params: {},
  command: { name: "doctor", examples: [["doctor", "does it work, and if not, why"]] },
  run: async (_args, desk) => (await import("./doctor.ts")).doctor(desk),
  tell: (step, to) => {
    const marks = {
      ok: to.dim("ok  "),
      note: to.colour("attention", "note"),
      bad: to.colour("trouble", "BAD "),
    };
    const mark = marks[step.state as keyof typeof marks];
    to.line(`${mark}  ${to.text(step.what).padEnd(12)}  ${to.text(step.found)}`);
    if (step.repair !== undefined) to.line(`      ${to.bold(to.text(step.repair))}`);
  },
  print: STEPS.print,
});

const start = localCommand({
  about:
    "Start the bus: by its service, at each login too, or in the background where there is no service. Settings come from settings.env.",
  params: {},
  command: { name: "start", examples: [["start", "after stop, or where there is no service"]] },
  run: async () => (await import("./life.ts")).start(),
  print: (result, to) => {
    to.line(to.text(result.text));
    if (result.log === undefined) return;
    to.line(`Log:      ${to.text(tilde(String(result.log)))}`);
    to.line(`To stop:  ${to.text(result.stop)}`);
  },
});

const stop = localCommand({
  about: "Stop the bus, once its calls have ended. A service stays stopped until start, or the next login.",
  params: {
    db: {
      type: "text",
      optional: true,
      max: 4096,
      value: "file",
      about: "The bus of this database (default: the one of settings.env)",
    },
  },
  command: {
    name: "stop",
    examples: [
      ["stop", "until it is started again"],
      ["stop --db ./data.db", "a bus that was started with another database"],
    ],
  },
  run: async (args) => (await import("./life.ts")).stop(args),
  print: (result, to) => to.line(to.text(result.text)),
});

const restart = localCommand({
  about: "Stop the bus and start it again, with or without a service, and wait until it answers.",
  params: {},
  command: { name: "restart", examples: [["restart", "after a change in settings.env"]] },
  run: async () => (await import("./life.ts")).restart(),
  print: start.print,
});

const status = localCommand({
  reads: true,
  about:
    "Show whether the bus runs, its version, since when, and how many sessions are here. Exit code 0 if it runs.",
  params: {},
  command: { name: "status", examples: [["status", "is it running"]] },
  run: async () => (await import("./status.ts")).status(),
  print: printStatus,
});

const logs = localCommand({
  reads: true,
  about: "Show the end of the bus's log.",
  params: {
    follow: { ...off("Go on with what comes, until Ctrl-C"), short: "f" },
    lines: { type: "integer", default: 50, min: 0, max: 100_000, about: "How many lines" },
  },
  command: {
    name: "logs",
    examples: [
      ["logs --lines 20", "the last calls"],
      ["logs -f", "watch it"],
    ],
  },
  run: async (args, desk) => (await import("./logs.ts")).logs(args, desk),
  tell: (line, to) => to.line(to.text(line.text)),
  print: (result, to) => {
    for (const line of (result.lines as string[] | undefined) ?? []) to.line(to.text(line));
  },
});

/** Every command of the installation, in the order of the help. */
export const installCommands: readonly LocalCommand[] = [
  installServer,
  installClient,
  uninstall,
  doctor,
  start,
  stop,
  restart,
  status,
  logs,
];
