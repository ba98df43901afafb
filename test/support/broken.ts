import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./binary.ts";
import { startBus } from "./bus.ts";
import { type BusRelay, startRelay } from "./bus_relay.ts";
import { editor } from "./doctor.ts";
import type { Machine } from "./machine.ts";

/** A machine where a bus is installed. */
export interface Server {
  machine: Machine;
  port: number;
  url: string;
  /** The installed executable. */
  program: string;
  /** A file of the data directory. */
  data(name: string): string;
  sh: Machine["sh"];
}

export function serverOn(machine: Machine, port: number): Server {
  return {
    ...{ machine, port, url: `http://127.0.0.1:${port}/mcp`, sh: machine.sh },
    program: machine.file(".local/bin/agent-event-bus"),
    data: (name) => join(machine.data, name),
  };
}

/** An installation that is broken in one way. */
export interface Broken {
  name: string;
  break(server: Server): unknown;
  /** The checks that find it. */
  bad: readonly string[];
  says: RegExp;
  repair: RegExp;
  /** What the person has beside the command: an editor. */
  env?: Record<string, string>;
  /** Where the command cannot be run here. */
  mend?(server: Server): unknown;
}

const SETTINGS = ".claude/settings.json";
export const install = /^agent-event-bus install server$/;
const restart = /^agent-event-bus restart$/;
const start = /^agent-event-bus start$/;

function edited(change: (text: string, server: Server) => string): Broken["break"] {
  return (server) => {
    const { machine } = server;
    machine.write(SETTINGS, change(readFileSync(machine.file(SETTINGS), "utf8"), server));
  };
}

export function addSetting(line: string): Broken["break"] {
  return ({ data }) => {
    const file = data("settings.env");
    writeFileSync(file, `${readFileSync(file, "utf8")}${line}\n`);
  };
}

function edits(file: string): RegExp {
  return new RegExp(`^"\\$\\{EDITOR:-vi\\}" (\\+\\d+ )?\\S+/${file.replaceAll(".", "\\.")}$`);
}

function removeLine(pattern: string): Record<string, string> {
  return editor(`sed -i '/${pattern}/d' "$file"`);
}

let stranger: { stop(force: boolean): unknown } | undefined;

/** Something else in the place of the bus. */
async function inItsPlace({ sh, port }: Server, answer: () => Response): Promise<void> {
  await sh("systemctl --user stop agent-event-bus.service");
  stranger = Bun.serve({ port, hostname: "127.0.0.1", fetch: answer });
}

async function another({ sh, port }: Server, change: BusRelay["change"]): Promise<void> {
  await sh("systemctl --user stop agent-event-bus.service");
  const relay = startRelay(await startBus("binary"), change, port);
  stranger = { stop: () => relay.stop() };
}

async function back({ sh }: Server): Promise<void> {
  await stranger?.stop(true);
  await sh("agent-event-bus restart");
}

/** What needs no Claude Code. */
export const BROKEN: readonly Broken[] = [
  {
    name: "the service is stopped",
    break: ({ sh }) => sh("systemctl --user stop agent-event-bus.service"),
    bad: ["service", "bus"],
    says: /agent-event-bus.service is not running \(inactive \(dead\)\)/,
    repair: start,
  },
  {
    name: "the bus was killed",
    break: ({ machine }) => process.kill(machine.systemctl.pid() ?? 0, "SIGKILL"),
    bad: ["service", "bus"],
    says: /is not running/,
    repair: start,
  },
  {
    name: "the service is not started at login",
    break: ({ sh }) => sh("systemctl --user disable agent-event-bus.service"),
    bad: ["service"],
    says: /is not started at login/,
    repair: install,
  },
  {
    name: "the service is gone",
    break: ({ sh }) => sh("systemctl --user stop x; rm .config/systemd/user/agent-event-bus.service"),
    bad: ["service", "bus"],
    says: /no systemd user unit agent-event-bus.service/,
    repair: install,
  },
  {
    name: "the service runs another executable",
    break: ({ sh }) =>
      sh(`sed -i 's|^ExecStart=.*|ExecStart=${binary} serve|' .config/systemd/user/agent-event-bus.service`),
    bad: ["service"],
    says: /runs \S+dist\/agent-event-bus, not \S+\.local\/bin\/agent-event-bus/,
    repair: install,
  },
  {
    name: "hooks are removed",
    break: ({ machine }) => machine.write(SETTINGS, "{}"),
    bad: ["hooks"],
    says: /not in \S+settings.json: SessionStart: .*Stop: /,
    repair: install,
  },
  {
    name: "hooks name another executable",
    break: edited((text, { program }) => text.replaceAll(program, "/elsewhere/agent-event-bus")),
    bad: ["hooks"],
    says: /of another executable or release: SessionStart: /,
    repair: install,
  },
  {
    name: "hooks are switched off",
    break: edited((text) => text.replace("{", '{\n"disableAllHooks": true,')),
    bad: ["hooks"],
    says: /switched off by disableAllHooks in \S+settings.json/,
    repair: edits("settings.json"),
    env: removeLine("disableAllHooks"),
  },
  {
    name: "settings.json is broken",
    break: edited((text) => `${text}\n]broken\n`),
    bad: ["hooks"],
    says: /settings.json/,
    repair: edits("settings.json"),
    env: removeLine("broken"),
  },
  {
    name: "settings.json has a comment, for which Claude Code ignores it",
    break: edited((text) => `// mine\n${text}`),
    bad: ["hooks"],
    says: /Claude Code ignores all of \S+settings.json while it has comments/,
    repair: edits("settings.json"),
    env: removeLine("mine"),
  },
  {
    name: "a line of settings.env is none",
    break: addSetting("what is this"),
    bad: ["settings"],
    says: /settings.env, line 2: "what is this" is not KEY=VALUE/,
    repair: edits("settings.env"),
    env: removeLine("what is this"),
  },
  {
    name: "a value of settings.env cannot be used",
    break: addSetting("AGENT_EVENT_BUS_REQUIRE_TOKEN=perhaps"),
    bad: ["settings"],
    says: /AGENT_EVENT_BUS_REQUIRE_TOKEN takes 1 or 0, not "perhaps"/,
    repair: edits("settings.env"),
    env: removeLine("perhaps"),
  },
  {
    name: "the database is open to others",
    break: ({ data }) => chmodSync(data("data.db"), 0o644),
    bad: ["permissions"],
    says: /data.db has mode 644/,
    repair: /^chmod 600 \S+data.db$/,
  },
  {
    name: "settings.env is open to others",
    break: ({ data }) => chmodSync(data("settings.env"), 0o604),
    bad: ["permissions"],
    says: /settings.env has mode 604/,
    repair: /^chmod 600 \S+settings.env$/,
  },
  {
    name: "a stranger is on the port",
    break: (server) => inItsPlace(server, () => new Response("hello")),
    bad: ["service", "bus"],
    says: /no bus answers at \S+: HTTP 200: hello/,
    repair: /^agent-event-bus install server --port \d+$/,
    mend: back,
  },
  {
    name: "the Python original is on the port",
    break: (server) => inItsPlace(server, () => Response.json({ status: "ok", service: "agent-event-bus" })),
    bad: ["service", "bus"],
    says: /the Python original answers at/,
    repair: install,
    mend: back,
  },
  {
    name: "an older bus still runs",
    break: (server) =>
      another(server, {
        answer: (text, path) =>
          path === "/health" ? text.replace(/"version":"[^"]*"/, '"version":"0.0.9"') : text,
      }),
    bad: ["service", "version"],
    says: /the bus is 0.0.9, this program is \d/,
    repair: restart,
    mend: back,
  },
  {
    name: "the database takes no writes",
    break: (server) =>
      another(server, {
        answer: (text) => text.replace('"status":"ok"', '"status":"degraded","reason":"storage_full"'),
      }),
    bad: ["service", "bus"],
    says: /does not accept writes: storage_full/,
    repair: /^agent-event-bus check$/,
    mend: back,
  },
];
