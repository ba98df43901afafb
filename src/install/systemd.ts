import { existsSync, rmdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import template from "../../systemd/agent-event-bus.service" with { type: "text" };
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { findProgram, type Ran, run, subCommandsOf, wordsOf } from "../lib/exec.ts";
import { kindOf } from "../lib/files.ts";
import { parseUnit, word } from "../lib/unit_file.ts";
import { type FoundService, filled, type Places, type Service, type ServiceState } from "./service_types.ts";

const UNIT = "agent-event-bus.service";
const PROPERTIES = "ActiveState,SubState,Result,ExecMainStatus,MainPID,UnitFileState";

export async function findSystemd(given: InstallConfig): Promise<FoundService> {
  const systemctl = findProgram("systemctl", given);
  if (systemctl === undefined) return { none: "systemd was not found (no command systemctl)" };
  const config = withRuntimeFolder(given);
  const asked = await run([systemctl, "--user", "show", "--property=Version"], config);
  if (asked.code !== 0)
    return { none: `systemd's user instance cannot be reached from this shell (${wordsOf(asked)})` };
  return createSystemd(config, systemctl);
}

// Shells of su and cron lack the variable, but its value is always the same.
function withRuntimeFolder(config: InstallConfig): InstallConfig {
  const folder = `/run/user/${process.getuid?.() ?? ""}`;
  if (config.env.XDG_RUNTIME_DIR || !existsSync(folder)) return config;
  return { ...config, env: { ...config.env, XDG_RUNTIME_DIR: folder } };
}

function createSystemd(config: InstallConfig, systemctl: string): Service {
  const { tries, does, failure } = subCommandsOf([systemctl, "--user"], config);
  const file = join(config.units, UNIT);
  const stop = async () => {
    const stopped = await tries("stop", UNIT);
    if (stopped.code !== 0 && !/not (loaded|found)/.test(stopped.stderr))
      throw failure(stopped, ["stop", UNIT]);
  };
  return {
    name: `systemd user unit ${UNIT}`,
    file,
    text: unitText,
    parse: (text) => parseUnit(text, config.home),
    state: async () => stateOf(await tries("show", UNIT, `--property=${PROPERTIES}`), existsSync(file)),
    async start() {
      await does("daemon-reload");
      // systemd does not start a unit that has failed often.
      await tries("reset-failed", UNIT);
      await does("enable", UNIT);
      await does("restart", UNIT);
    },
    async restart() {
      await tries("reset-failed", UNIT);
      await does("restart", UNIT);
    },
    stop,
    async disable() {
      await stop();
      await tries("disable", UNIT);
      removeLink(join(config.units, "default.target.wants", UNIT));
    },
    async forget() {
      await does("daemon-reload");
      await tries("reset-failed", UNIT);
    },
    why: `journalctl --user -u ${UNIT} -n 20`,
    hint: () => lingering(config),
  };
}

function stateOf({ code, stdout, stderr }: Ran, installed: boolean): ServiceState {
  const is = Object.fromEntries(stdout.split("\n").map((line) => line.split("=", 2)));
  const pid = Number(is.MainPID) || undefined;
  const ended = is.Result === "exit-code" ? `exit code ${is.ExecMainStatus}` : is.Result;
  const result = is.Result === "success" || !is.Result ? "" : `, ${ended}`;
  return {
    installed,
    enabled: is.UnitFileState === "enabled",
    running: ["active", "reloading", "deactivating"].includes(is.ActiveState ?? "") && pid !== undefined,
    pid,
    failed: is.ActiveState === "failed",
    restarting: is.ActiveState === "activating",
    detail: code === 0 ? `${is.ActiveState} (${is.SubState}${result})` : stderr.trim(),
  };
}

// `disable` does nothing for a unit without a file.
function removeLink(link: string): void {
  if (kindOf(link) === "none") return;
  rmSync(link, { force: true });
  // Fails if the folder holds other units.
  attempt(() => rmdirSync(dirname(link)));
}

async function lingering(config: InstallConfig): Promise<string | undefined> {
  const loginctl = findProgram("loginctl", config);
  if (loginctl === undefined) return undefined;
  const { username } = userInfo();
  const asked = await run([loginctl, "show-user", username, "--property=Linger", "--value"], config);
  if (asked.code !== 0 || asked.stdout.trim() !== "no") return undefined;
  return `The bus stops when you log out of this machine. To keep it running: loginctl enable-linger ${username}`;
}

/** @throws Error for a program that systemd refuses. */
export function unitText({ program, folder, writable }: Places): string {
  if (/["'\\]/.test(program))
    throw new Error(
      `systemd cannot run a program whose path contains a quote or a backslash (${program}). Use --no-service, and start the bus yourself.`,
    );
  return filled(template, {
    program: word(program),
    // Takes the rest of the line, and knows no quotes.
    folder: folder.replaceAll("%", "%%"),
    writable: writable.map((one) => word(`-${one}`)).join(" "),
  });
}
