import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import type { Notification } from "../domain/context.ts";
import { attempt } from "../lib/attempt.ts";
import { markup, visible, visibleLine } from "../lib/escape.ts";

export interface DesktopOptions {
  platform: NodeJS.Platform;
  /** Value of PATH, where the programs are looked up. */
  path: string;
  /** Other variables of the programs: DISPLAY, WAYLAND_DISPLAY, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR, XAUTHORITY, HOME. */
  env: Readonly<Record<string, string | undefined>>;
  /** Path of an image. */
  icon: string | undefined;
  warn(message: string): void;
  osascript?: string;
  /** Folders to search after `path` on macOS, where a service has a short PATH. */
  homebrew?: readonly string[];
  limitMs?: number;
}

interface Program {
  file: string;
  args: string[];
}

/** Why nothing was shown. Each reason is logged once, so that only the detail may vary without limit. */
interface Refusal {
  reason: string;
  detail?: string;
}

const APP = "agent-event-bus";
const IN_FLIGHT = 4;
const WAITING = 32;
const LINE_CHARACTERS = 256;
const MESSAGE_CHARACTERS = 1024;

/**
 * Shows notifications with the platform's own program. Hostile text is cut, escaped and passed as arguments. Resolves false
 * if nothing was shown, and warns of each reason once. Never throws. At most four programs run at a time. Each is killed
 * after `limitMs` (5 s) with its process group. At most 32 more notifications wait, and the rest is dropped.
 */
export function createDesktop(options: DesktopOptions): (notification: Notification) => Promise<boolean> {
  const places = createPlaces();
  const warned = new Set<string>();
  function refuse({ reason, detail }: Refusal): false {
    if (warned.has(reason)) return false;
    warned.add(reason);
    options.warn(`no desktop notification: ${reason}${detail ? ` (${detail})` : ""}; this is logged once`);
    return false;
  }
  return async (notification) => {
    if (!(await places.take())) return refuse({ reason: `${IN_FLIGHT + WAITING} are already under way` });
    try {
      const chosen = await choose(shown(notification), options);
      const refusal = "reason" in chosen ? chosen : await run(chosen, options);
      return refusal === null || refuse(refusal);
    } catch (error) {
      return refuse({
        reason: "the program could not be called",
        detail: visibleLine(String(error), LINE_CHARACTERS),
      });
    } finally {
      places.give();
    }
  };
}

function createPlaces(): { take(): Promise<boolean>; give(): void } {
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    async take() {
      if (taken < IN_FLIGHT) taken++;
      else if (waiting.length === WAITING) return false;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return true;
    },
    give() {
      const next = waiting.shift();
      if (next === undefined) taken--;
      else next();
    },
  };
}

type Shown = Required<Notification>;

function shown({ title, subtitle = "", message, sound = false, group = "" }: Notification): Shown {
  const max = MESSAGE_CHARACTERS;
  const characters = Array.from(visible(message.slice(0, max * 4)));
  return {
    title: visibleLine(title, LINE_CHARACTERS) || APP,
    subtitle: visibleLine(subtitle, LINE_CHARACTERS),
    message: characters.length > max ? `${characters.slice(0, max - 1).join("")}…` : characters.join(""),
    sound,
    group: visibleLine(group, LINE_CHARACTERS),
  };
}

async function choose(notification: Shown, options: DesktopOptions): Promise<Program | Refusal> {
  const { platform, env, icon, homebrew = ["/opt/homebrew/bin", "/usr/local/bin"] } = options;
  const folders = options.path.split(":");
  if (platform === "darwin") {
    const file = await find("terminal-notifier", [...folders, ...homebrew]);
    if (file !== undefined) return { file, args: terminalNotifierArgs(notification, icon) };
    return { file: options.osascript ?? "/usr/bin/osascript", args: osascriptArgs(notification) };
  }
  if (platform !== "linux") return { reason: `there is no way to show one on ${platform}` };
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY && !env.DBUS_SESSION_BUS_ADDRESS)
    return { reason: "no desktop here, DISPLAY, WAYLAND_DISPLAY and DBUS_SESSION_BUS_ADDRESS are not set" };
  const file = await find("notify-send", folders);
  if (file === undefined) return { reason: "notify-send is not on the PATH" };
  return { file, args: notifySendArgs(notification, icon) };
}

async function find(program: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders.filter((folder) => isAbsolute(folder))) {
    const file = join(folder, program);
    const runs = await access(file, constants.X_OK).then(
      async () => (await stat(file)).isFile(),
      () => false,
    );
    if (runs) return file;
  }
  return undefined;
}

// notify-send resolves backslash escapes in the body (`\074b\076` is `<b>`), and the desktop reads the result as markup.
function notifySendArgs({ title, subtitle, message, sound }: Shown, icon: string | undefined): string[] {
  const body = markup(subtitle === "" ? message : `${subtitle}\n${message}`).replaceAll("\\", "\\\\");
  const options = [`--app-name=${APP}`, "--urgency=normal"];
  if (sound) options.push("--hint=string:sound-name:message-new-instant");
  if (icon !== undefined) options.push(`--icon=${icon}`);
  return [...options, "--", title, body];
}

// terminal-notifier drops a leading backslash, and loses a value that looks like an option or a property list without one.
function terminalNotifierArgs(notification: Shown, icon = ""): string[] {
  const { title, subtitle, message, sound, group } = notification;
  const images = { appIcon: icon, contentImage: icon };
  const optional = Object.entries({ subtitle, group, sound: sound ? "default" : "", ...images });
  const values = [["title", title], ["message", message], ...optional.filter(([, value]) => value !== "")];
  return values.flatMap(([option, value]) => [`-${option}`, `\\${value}`]);
}

// Counts the texts from the end: osascript may or may not pass on the `--` before them.
function osascriptArgs({ title, subtitle, message, sound }: Shown): string[] {
  const text = "(item -1 of argv) with title (item -3 of argv) subtitle (item -2 of argv)";
  const show = `display notification ${text}${sound ? ' sound name "default"' : ""}`;
  return ["-e", "on run argv", "-e", show, "-e", "end run", "--", title, subtitle, message];
}

function run({ file, args }: Program, options: DesktopOptions): Promise<Refusal | null> {
  const { limitMs = 5000 } = options;
  const env = { ...options.env, PATH: options.path };
  const name = basename(file);
  return new Promise((resolve) => {
    const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    const finish = (refusal: Refusal | null) => {
      clearTimeout(timer);
      child.stderr?.destroy();
      resolve(refusal);
    };
    const fail = (reason: string, detail: string) =>
      finish({ reason: `${name} ${reason}`, detail: firstLine(detail) });
    const timer = setTimeout(() => {
      killGroup(child.pid);
      fail(`did not finish within ${limitMs} ms`, stderr);
    }, limitMs);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = `${stderr}${text}`.slice(0, MESSAGE_CHARACTERS);
    });
    child.on("error", (error) => fail("cannot be started", error.message));
    child.on("exit", (code) => code === 0 && finish(null));
    child.on("close", (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`, stderr));
  });
}

// `detached` made the child the leader of its own process group, which may have ended in the meantime.
function killGroup(leader: number | undefined): void {
  if (leader !== undefined) attempt(() => process.kill(-leader, "SIGKILL"));
}

function firstLine(text: string): string {
  return visibleLine(text.trim().split("\n")[0] ?? "", LINE_CHARACTERS);
}
