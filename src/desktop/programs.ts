import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Notification } from "../domain/context.ts";
import { markup, visible, visibleLine } from "../lib/escape.ts";
import { shortened } from "../lib/graphemes.ts";

/** Where and how notifications are shown. */
export interface Place {
  platform: NodeJS.Platform;
  /** Value of PATH, where the programs are looked up. */
  path: string;
  /** Other variables of the programs: DISPLAY, WAYLAND_DISPLAY, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR, XAUTHORITY, HOME. */
  env: Readonly<Record<string, string | undefined>>;
  /** Path of an image. */
  icon: string | undefined;
  osascript?: string;
  /** Folders to search after `path` on macOS, where a service has a short PATH. */
  homebrew?: readonly string[];
}

export interface Program {
  file: string;
  args: string[];
}

/** Why nothing was shown. Each reason is logged once, so that only the detail may vary without limit. */
export interface Refusal {
  reason: string;
  detail?: string;
}

/** The notification that notify-send replaces. 0 for none, `unknown` if it is too old to tell ids. */
export type Ids = number | "unknown";

export const APP = "agent-event-bus";
const LINE_CHARACTERS = 256;
const MESSAGE_CHARACTERS = 1024;
const HOMEBREW = ["/opt/homebrew/bin", "/usr/local/bin"];
const SERVICE = "org.freedesktop.Notifications";
const OBJECT = "/org/freedesktop/Notifications";

export type Shown = Required<Omit<Notification, "others">>;

/** The texts of a notification, cut and with visible control characters. */
export function shown({ title, subtitle = "", message, sound = false, group = "" }: Notification): Shown {
  const most = MESSAGE_CHARACTERS;
  return {
    title: visibleLine(title, LINE_CHARACTERS) || APP,
    subtitle: visibleLine(subtitle, LINE_CHARACTERS),
    message: shortened(visible(message.slice(0, most * 4)), most),
    sound,
    group: visibleLine(group, LINE_CHARACTERS),
  };
}

/** The program that shows a notification. */
export async function programFor(notification: Shown, ids: Ids, place: Place): Promise<Program | Refusal> {
  const { platform, env, icon, homebrew = HOMEBREW } = place;
  const folders = place.path.split(":");
  if (platform === "darwin") {
    const file = await find("terminal-notifier", [...folders, ...homebrew]);
    if (file !== undefined) return { file, args: terminalNotifierArgs(notification, icon) };
    return { file: place.osascript ?? "/usr/bin/osascript", args: osascriptArgs(notification) };
  }
  if (platform !== "linux") return { reason: `notifications are not supported on ${platform}` };
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY && !env.DBUS_SESSION_BUS_ADDRESS)
    return {
      reason: "there is no desktop (DISPLAY, WAYLAND_DISPLAY and DBUS_SESSION_BUS_ADDRESS are not set)",
    };
  const file = await find("notify-send", folders);
  if (file === undefined) return { reason: "notify-send is not on the PATH" };
  return { file, args: notifySendArgs(notification, ids, icon) };
}

/** The program that closes a notification. Undefined if this desktop has none, or the id is not known. */
export async function programToClose(group: string, ids: Ids, place: Place): Promise<Program | undefined> {
  const { platform, homebrew = HOMEBREW } = place;
  const folders = place.path.split(":");
  if (platform === "darwin") {
    const file = await find("terminal-notifier", [...folders, ...homebrew]);
    return file === undefined
      ? undefined
      : { file, args: ["-remove", `\\${visibleLine(group, LINE_CHARACTERS)}`] };
  }
  if (platform !== "linux" || ids === "unknown" || ids === 0) return undefined;
  const method = `${SERVICE}.CloseNotification`;
  const send = await find("dbus-send", folders);
  if (send)
    return {
      file: send,
      args: ["--session", "--print-reply", `--dest=${SERVICE}`, OBJECT, method, `uint32:${ids}`],
    };
  const call = ["call", "--session", "--dest", SERVICE, "--object-path", OBJECT, "--method", method];
  const file = await find("gdbus", folders);
  return file === undefined ? undefined : { file, args: [...call, String(ids)] };
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
function notifySendArgs(notification: Shown, ids: Ids, icon: string | undefined): string[] {
  const { title, subtitle, message, sound, group } = notification;
  const body = markup(subtitle === "" ? message : `${subtitle}\n${message}`).replaceAll("\\", "\\\\");
  const options = [`--app-name=${APP}`, "--urgency=normal"];
  if (sound) options.push("--hint=string:sound-name:message-new-instant");
  if (icon !== undefined) options.push(`--icon=${icon}`);
  if (group !== "") {
    // An older notify-send refuses a hint with a further colon, so that the group's own text cannot stand there.
    const tag = createHash("sha256").update(group).digest("hex").slice(0, 16);
    options.push(`--hint=string:x-dunst-stack-tag:${tag}`);
    if (ids !== "unknown") options.push("--print-id");
    if (ids !== "unknown" && ids !== 0) options.push(`--replace-id=${ids}`);
  }
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
