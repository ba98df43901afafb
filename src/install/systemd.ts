import { existsSync, lstatSync, rmdirSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import template from "../../systemd/agent-event-bus.service" with { type: "text" };
import type { InstallConfig } from "../config/client.ts";
import { findProgram, type Ran, run } from "./exec.ts";
import type { Command, Places, Service, ServiceState } from "./service.ts";

const UNIT = "agent-event-bus.service";

/** systemd's instance of this person; the reason when it cannot be reached. */
export async function findSystemd(given: InstallConfig): Promise<Service | { none: string }> {
  const systemctl = findProgram("systemctl", given);
  if (systemctl === undefined) return { none: "there is no systemd here (no command systemctl)" };
  const config = withRuntimeFolder(given);
  const asked = await run([systemctl, "--user", "show", "--property=Version"], config);
  if (asked.code !== 0)
    return { none: `systemd's user instance cannot be reached from this shell (${wordsOf(asked)})` };
  return createSystemd(config, systemctl);
}

// Shells of su and cron lack the variable; the place is always this one.
function withRuntimeFolder(config: InstallConfig): InstallConfig {
  const folder = `/run/user/${process.getuid?.() ?? ""}`;
  if (config.env.XDG_RUNTIME_DIR || !existsSync(folder)) return config;
  return { ...config, env: { ...config.env, XDG_RUNTIME_DIR: folder } };
}

function createSystemd(config: InstallConfig, systemctl: string): Service {
  const attempt = (...words: string[]) => run([systemctl, "--user", ...words], config);
  const must = async (...words: string[]) => {
    const ran = await attempt(...words);
    if (ran.code !== 0) throw new Error(`systemctl --user ${words.join(" ")} failed: ${wordsOf(ran)}.`);
  };
  const file = join(config.units, UNIT);
  return {
    name: `systemd user unit ${UNIT}`,
    file,
    text: unitText,
    parse: (text) => parseUnit(text, config.home),
    state: async () => stateOf(await attempt("show", UNIT, `--property=${PROPERTIES}`), existsSync(file)),
    async start() {
      await must("daemon-reload");
      // A unit that has failed often is not started before.
      await attempt("reset-failed", UNIT);
      await must("enable", UNIT);
      await must("restart", UNIT);
    },
    async restart() {
      await attempt("reset-failed", UNIT);
      await must("restart", UNIT);
    },
    async stop() {
      const stopped = await attempt("stop", UNIT);
      if (stopped.code !== 0 && !/not (loaded|found)/.test(stopped.stderr))
        throw new Error(`systemctl --user stop ${UNIT} failed: ${wordsOf(stopped)}.`);
      await attempt("disable", UNIT);
      removeLink(join(config.units, "default.target.wants", UNIT));
    },
    async forget() {
      await must("daemon-reload");
      await attempt("reset-failed", UNIT);
    },
    why: `journalctl --user -u ${UNIT} -n 20`,
    hint: () => lingering(config),
  };
}

const PROPERTIES = "ActiveState,SubState,Result,ExecMainStatus,MainPID,UnitFileState";

function stateOf({ code, stdout, stderr }: Ran, installed: boolean): ServiceState {
  const is = Object.fromEntries(stdout.split("\n").map((line) => line.split("=", 2)));
  const pid = Number(is.MainPID);
  const ended = is.Result === "exit-code" ? `exit code ${is.ExecMainStatus}` : is.Result;
  const result = is.Result === "success" || !is.Result ? "" : `, ${ended}`;
  return {
    installed,
    enabled: is.UnitFileState === "enabled",
    running: ["active", "reloading", "deactivating"].includes(is.ActiveState ?? "") && pid > 0,
    pid: pid > 0 ? pid : undefined,
    failed: is.ActiveState === "failed",
    detail: code === 0 ? `${is.ActiveState} (${is.SubState}${result})` : stderr.trim(),
  };
}

// `disable` does nothing for a unit whose file is gone.
function removeLink(link: string): void {
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return;
  rmSync(link, { force: true });
  try {
    rmdirSync(dirname(link));
  } catch {
    // It holds other units.
  }
}

async function lingering(config: InstallConfig): Promise<string | undefined> {
  const loginctl = findProgram("loginctl", config);
  if (loginctl === undefined) return undefined;
  const { username } = userInfo();
  const asked = await run([loginctl, "show-user", username, "--property=Linger", "--value"], config);
  if (asked.code !== 0 || asked.stdout.trim() !== "no") return undefined;
  return `The bus stops when you log out of this machine. To keep it running: loginctl enable-linger ${username}`;
}

function wordsOf({ stderr, stdout, code }: Ran): string {
  return (stderr.trim() || stdout.trim() || `exit code ${code}`).replaceAll("\n", " ").replace(/\.$/, "");
}

/** The unit for these places. Throws Error for a program that systemd refuses. */
export function unitText({ program, folder, writable }: Places): string {
  if (/["'\\]/.test(program))
    throw new Error(
      `systemd runs no program whose path holds a quote or a backslash (${program}). Use --no-service, and start the bus yourself.`,
    );
  const values: Record<string, string> = {
    program: word(program),
    // A whole line, which knows no quotes.
    folder: folder.replaceAll("%", "%%"),
    writable: writable.map((one) => word(`-${one}`)).join(" "),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
}

function word(text: string): string {
  const safe = text.replaceAll("%", "%%");
  return /^[\w@%+=:,./$-]+$/.test(safe) ? safe : `"${safe.replace(/[\\"]/g, "\\$&")}"`;
}

/** What a unit runs; drop-ins and other files are not read. */
export function parseUnit(text: string, home: string): Command {
  const lines = text.replace(/\\\n/g, " ").split("\n");
  const valuesOf = (key: string) =>
    lines.flatMap((line) => (line.trim().startsWith(`${key}=`) ? [line.trim().slice(key.length + 1)] : []));
  const env = valuesOf("Environment").flatMap((value) => wordsIn(value, home).map(pairOf));
  const command = valuesOf("ExecStart").at(-1) ?? "";
  const [folder] = valuesOf("WorkingDirectory");
  return {
    words: wordsIn(command, home),
    folder: folder === undefined ? undefined : unspecified(folder, home),
    env: Object.fromEntries(env),
  };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

function wordsIn(text: string, home: string): string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'])+/g) ?? [];
  return words.map((one) =>
    unspecified(
      one.replace(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'/g, "$1$2").replace(/\\(.)/g, "$1"),
      home,
    ),
  );
}

function unspecified(text: string, home: string): string {
  return text.replace(/%([%h])/g, (_, letter) => (letter === "h" ? home : "%"));
}
