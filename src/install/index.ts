import { type LocalCommand, localCommand, type Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

// Declarations only. Each command loads its own code when it runs.

function off(about: string) {
  return { type: "boolean", default: false, about } as const;
}

const WITHOUT = {
  no_hooks: off("Leave Claude Code's hooks alone"),
  no_allow: off("Leave Claude Code's permissions alone: it asks before a session's first call of each tool"),
  no_mcp: off("Do not register the MCP server with Claude Code"),
};

const HOW = {
  dry_run: off("Show what would be done, change nothing"),
  yes: { ...off("Do not ask first"), short: "y" },
};

const STATES: Readonly<Record<string, readonly ["green" | "red" | "yellow" | "cyan" | "dim", string]>> = {
  done: ["green", "done"],
  unchanged: ["dim", "unchanged"],
  skipped: ["yellow", "skipped"],
  planned: ["cyan", "would do"],
  failed: ["red", "FAILED"],
};

/** Shows the steps while they run, then the lines under them. */
const STEPS = {
  tell(step: Json, to: Printer): void {
    const [colour, word] = STATES[String(step.state)] ?? ["dim", String(step.state)];
    const label = word.padEnd(9);
    const state = colour === "dim" ? to.dim(label) : to.colour(colour, label);
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
    host: {
      type: "text",
      optional: true,
      min: 1,
      max: 255,
      about: "Address to listen on; kept in settings.env",
    },
    port: {
      type: "integer",
      optional: true,
      min: 1,
      max: 65_535,
      about: "Port to listen on; kept in settings.env",
    },
    ...WITHOUT,
    no_service: off("Install no service: you start agent-event-bus serve yourself"),
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
    url: {
      type: "text",
      min: 1,
      max: 2048,
      about: "The bus, e.g. http://my-server:8080/mcp; kept in settings.env",
    },
    token: {
      type: "text",
      optional: true,
      min: 1,
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
  about:
    "Take away what install did, and nothing else; the data directory stays. Without a flag everything goes, the executable too.",
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
  about:
    "Check the whole installation and send a message through it; exit code 0 when all is well. Each problem comes with the command that repairs it.",
  params: {},
  command: { name: "doctor", examples: [["doctor", "does it work, and if not, why"]] },
  run: async (_args, desk) => (await import("./doctor.ts")).doctor(desk),
  tell: (step, to) => {
    const marks = {
      ok: to.colour("green", "ok  "),
      note: to.colour("yellow", "note"),
      bad: to.colour("red", "BAD "),
    };
    const mark = marks[step.state as keyof typeof marks];
    to.line(`${mark}  ${to.text(step.what).padEnd(12)}  ${to.text(step.found)}`);
    if (step.repair !== undefined) to.line(`      ${to.bold(to.text(step.repair))}`);
  },
  print: STEPS.print,
});

const restart = localCommand({
  about: "Restart the bus's service, and wait until it answers.",
  params: {},
  command: { name: "restart", examples: [["restart", "after a change in settings.env"]] },
  run: async () => (await import("./operate.ts")).restart(),
  print: (result, to) => to.line(to.text(result.text)),
});

const status = localCommand({
  about: "Tell whether the bus runs, which version, since when, and who is here; exit code 0 when it runs.",
  params: {},
  command: { name: "status", examples: [["status", "is it running"]] },
  run: async () => (await import("./operate.ts")).status(),
  print: (result, to) => {
    for (const [name, value] of Object.entries(result.shown as Record<string, unknown>))
      to.line(`${to.dim(name.padEnd(10))}${to.text(value)}`);
  },
});

const logs = localCommand({
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
  restart,
  status,
  logs,
];
