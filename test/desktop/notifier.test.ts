import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDesktop, type DesktopOptions } from "../../src/desktop/notifier.ts";
import type { Notification } from "../../src/domain/context.ts";

const RECORD = `printf '%s\\0' "$@" > "$0.argv"`;
const PLAIN: Notification = { title: "Build", message: "Complete" };
const FULL: Notification = {
  title: "Build",
  subtitle: "From: me",
  message: "Done",
  sound: true,
  group: "g1",
};

let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "desktop-"));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function desktop(options: Partial<DesktopOptions> = {}) {
  return desktopWith(options).show;
}

function desktopWith(options: Partial<DesktopOptions> = {}) {
  return createDesktop({
    platform: "linux",
    path: folder,
    env: { DISPLAY: ":9" },
    icon: undefined,
    warn: (message) => warnings.push(message),
    osascript: join(folder, "osascript"),
    homebrew: [],
    ...options,
  });
}

function program(name: string, script = RECORD): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function argv(name: string): string[] {
  return readFileSync(join(folder, `${name}.argv`), "utf8")
    .split("\0")
    .slice(0, -1);
}

function applescript(show: string): string[] {
  return ["-e", "on run argv", "-e", show, "-e", "end run", "--"];
}

const SHOW = "display notification (item -1 of argv) with title (item -3 of argv) subtitle (item -2 of argv)";
const IMAGES = ["-appIcon", "\\/i.png", "-contentImage", "\\/i.png"];
const NOTIFY_SEND = ["--app-name=agent-event-bus", "--urgency=normal"];
// The beginning of the SHA-256 of "g1".
const TAG = `--hint=string:x-dunst-stack-tag:${new Bun.CryptoHasher("sha256").update("g1").digest("hex").slice(0, 16)}`;
const SOUND_HINT = "--hint=string:sound-name:message-new-instant";

const arguments_: [string, string, NodeJS.Platform, string | undefined, Notification, string[]][] = [
  ["a plain one", "notify-send", "linux", undefined, PLAIN, [...NOTIFY_SEND, "--", "Build", "Complete"]],
  [
    "a full one",
    "notify-send",
    "linux",
    "/i.png",
    FULL,
    [...NOTIFY_SEND, SOUND_HINT, "--icon=/i.png", TAG, "--print-id", "--", "Build", "From: me\nDone"],
  ],
  [
    "a plain one",
    "terminal-notifier",
    "darwin",
    undefined,
    PLAIN,
    ["-title", "\\Build", "-message", "\\Complete"],
  ],
  [
    "a full one",
    "terminal-notifier",
    "darwin",
    "/i.png",
    FULL,
    [
      "-title",
      "\\Build",
      "-message",
      "\\Done",
      "-subtitle",
      "\\From: me",
      "-group",
      "\\g1",
      "-sound",
      "\\default",
    ].concat(IMAGES),
  ],
  ["a plain one", "osascript", "darwin", undefined, PLAIN, [...applescript(SHOW), "Build", "", "Complete"]],
  [
    "a full one",
    "osascript",
    "darwin",
    "/i.png",
    FULL,
    [...applescript(`${SHOW} sound name "default"`), "Build", "From: me", "Done"],
  ],
];

test.each(arguments_)("%s is shown by %s on %s", async (_, name, platform, icon, notification, expected) => {
  program(name);
  expect(await desktop({ platform, icon })(notification)).toBe(true);
  expect(argv(name)).toEqual(expected);
  expect(warnings).toEqual([]);
});

test("terminal-notifier is also found where Homebrew puts it", async () => {
  program("terminal-notifier");
  expect(await desktop({ platform: "darwin", path: "/nowhere", homebrew: [folder] })(PLAIN)).toBe(true);
  expect(argv("terminal-notifier")).toContain("\\Complete");
});

test("the programs get the environment they are given and nothing of the server's", async () => {
  program("notify-send", `/usr/bin/env > "$0.env"`);
  await desktop({ env: { DISPLAY: ":9", WAYLAND_DISPLAY: undefined } })(PLAIN);
  const names = readFileSync(join(folder, "notify-send.env"), "utf8")
    .split("\n")
    .map((line) => line.split("=")[0] ?? "");
  expect(names).toContain("DISPLAY");
  expect(names.filter((name) => name === "HOME" || name === "USER" || name === "WAYLAND_DISPLAY")).toEqual(
    [],
  );
});

// What arrives as notify-send's body, terminal-notifier's -message and osascript's last argument.
const hostile: [string, string, string, string][] = [
  ["a leading dash", "--help", "--help", "--help"],
  [
    "command substitution",
    "$(touch x) `touch x` ; touch x",
    "$(touch x) `touch x` ; touch x",
    "$(touch x) `touch x` ; touch x",
  ],
  ["quotes", `" & quit 'x`, `" &amp; quit 'x`, `" & quit 'x`],
  ["an ANSI escape", "\x1b[31mred\x9b0m", "␛[31mred\\\\x9b0m", "␛[31mred\\x9b0m"],
  ["markup", "<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;", "<b>&amp;</b>"],
  ["markup as backslash escapes", "\\074b\\076", "\\\\074b\\\\076", "\\074b\\076"],
  ["newlines", "a\r\nb\nc", "a\nb\nc", "a\nb\nc"],
  ["NUL", "a\0b", "a␀b", "a␀b"],
  ["hidden and reordered text", "a\u202eb\u{e0041}", "a\\\\u202eb\\\\u{e0041}", "a\\u202eb\\u{e0041}"],
  ["a lone surrogate", "a\ud83d", "a\\\\ud83d", "a\\ud83d"],
  ["a property list", '{ a = "b"; }', '{ a = "b"; }', '{ a = "b"; }'],
  ["nothing", "", "", ""],
];

test.each(hostile)("a message with %s arrives as text", async (_, message, markup, plain) => {
  program("notify-send");
  program("osascript");
  expect(await desktop()({ title: message, message })).toBe(true);
  expect(argv("notify-send").slice(-3)[0]).toBe("--");
  expect(argv("notify-send").at(-1)).toBe(markup);
  expect(await desktop({ platform: "darwin" })({ title: message, message })).toBe(true);
  expect(argv("osascript").at(-1)).toBe(plain);
  program("terminal-notifier");
  expect(await desktop({ platform: "darwin" })({ title: message, message })).toBe(true);
  expect(argv("terminal-notifier").at(-1)).toBe(`\\${plain}`);
  expect(readdirSync(folder)).not.toContain("x");
  expect(existsSync("x")).toBe(false);
});

test("title and subtitle are one line of at most 256 characters, the message has at most 1024, cut between characters", async () => {
  program("osascript");
  const long = "📨".repeat(5000);
  await desktop({ platform: "darwin" })({ title: `a\n${long}`, subtitle: long, message: `a${long}` });
  const [title, subtitle, message] = argv("osascript").slice(-3);
  expect(title).toBe(`a⏎${"📨".repeat(253)}…`);
  expect(subtitle).toBe(`${"📨".repeat(255)}…`);
  expect(message).toBe(`a${"📨".repeat(1022)}…`);
});

const GROUPED: Notification = { ...PLAIN, group: "g1" };
const CLOSE = "org.freedesktop.Notifications.CloseNotification";

/** Records every call of a program, one a line. */
const RECORD_ALL = `printf "%s " "$@" >> "$0.calls"; echo >> "$0.calls"`;

function calls(name: string): string[] {
  const file = join(folder, `${name}.calls`);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split(" \n") : [];
}

test("the next notification of a group replaces the one that is shown, by the id that the program printed", async () => {
  program("notify-send", `${RECORD_ALL}\necho 7`);
  const { show, withdraw } = desktopWith();
  await show(GROUPED);
  await show(GROUPED);
  await show({ ...GROUPED, group: "other" });
  await withdraw("g1");
  await show(GROUPED);
  const replaced = calls("notify-send").map((call) => /--replace-id=(\S+)/.exec(call)?.[1]);
  expect(replaced).toEqual([undefined, "7", undefined, undefined]);
});

test("an id that is no number is not used", async () => {
  program("notify-send", `${RECORD_ALL}\necho '7; x'`);
  program("dbus-send", RECORD_ALL);
  const { show, withdraw } = desktopWith();
  await show(GROUPED);
  await show(GROUPED);
  await withdraw("g1");
  expect(calls("notify-send").filter((call) => call.includes("replace-id"))).toEqual([]);
  expect(calls("dbus-send")).toEqual([]);
});

test.each([
  ["dbus-send", `uint32:7`],
  ["gdbus", "7"],
])("a notification is closed with %s", async (name, id) => {
  program("notify-send", "echo 7");
  program(name, RECORD_ALL);
  const { show, withdraw } = desktopWith();
  await withdraw("g1");
  await show(GROUPED);
  await withdraw("g1");
  await withdraw("g1");
  expect(calls(name)).toHaveLength(1);
  expect(calls(name)[0]).toEndWith(`${CLOSE} ${id}`.trim());
  expect(warnings).toEqual([]);
});

test("a desktop that refuses to close one is no reason for a warning", async () => {
  program("notify-send", "echo 7");
  program("dbus-send", "exit 1");
  const { show, withdraw } = desktopWith();
  await show(GROUPED);
  await withdraw("g1");
  expect(warnings).toEqual([]);
});

test("without a program that closes one, the notification stays", async () => {
  program("notify-send", "echo 7");
  const { show, withdraw } = desktopWith();
  await show(GROUPED);
  await withdraw("g1");
  expect(warnings).toEqual([]);
});

test("an old notify-send, which knows no ids, is asked once and then without them", async () => {
  const refuse = `case "$*" in *--print-id*) echo 'Unknown option --print-id' >&2; exit 1;; esac`;
  program("notify-send", `${RECORD_ALL}\n${refuse}`);
  program("dbus-send", RECORD_ALL);
  const { show, withdraw } = desktopWith();
  expect(await show(GROUPED)).toBe(true);
  expect(await show(GROUPED)).toBe(true);
  await withdraw("g1");
  expect(calls("notify-send").map((call) => call.includes("--print-id"))).toEqual([true, false, false]);
  expect(calls("notify-send").every((call) => call.includes("x-dunst-stack-tag"))).toBe(true);
  expect(calls("dbus-send")).toEqual([]);
  expect(warnings).toEqual([]);
});

test("terminal-notifier removes the notification of a group, and osascript cannot", async () => {
  const { withdraw } = desktopWith({ platform: "darwin" });
  program("osascript", RECORD_ALL);
  await withdraw("g1");
  program("terminal-notifier");
  await withdraw("-list ALL");
  expect(argv("terminal-notifier")).toEqual(["-remove", "\\-list ALL"]);
  expect(calls("osascript")).toEqual([]);
});

test("an empty title becomes the name of the bus, since notify-send wants one", async () => {
  program("notify-send");
  await desktop()({ title: "", message: "x" });
  expect(argv("notify-send").slice(-2)).toEqual(["agent-event-bus", "x"]);
});

const refusals: [string, Partial<DesktopOptions>, string | undefined, string][] = [
  [
    "without a desktop",
    { env: {} },
    RECORD,
    "there is no desktop (DISPLAY, WAYLAND_DISPLAY and DBUS_SESSION_BUS_ADDRESS are not set)",
  ],
  ["without notify-send", {}, undefined, "notify-send is not on the PATH"],
  ["in a relative folder of the PATH", { path: ".:bin:" }, RECORD, "notify-send is not on the PATH"],
  ["on Windows", { platform: "win32" }, RECORD, "notifications are not supported on win32"],
  ["when the program fails", {}, "exit 1", "notify-send ended with exit code 1"],
  [
    "when the program fails and says why",
    {},
    `printf '\\n\\033[31mno server\\nmore' >&2; exit 3`,
    "notify-send ended with exit code 3 (␛[31mno server)",
  ],
  ["when the program is killed", {}, "kill -9 $$", "notify-send ended with SIGKILL"],
];

test.each(refusals)(
  "nothing is shown %s, and the reason is logged once",
  async (_, options, script, reason) => {
    if (script !== undefined) program("notify-send", script);
    const notify = desktop(options);
    expect(await notify(PLAIN)).toBe(false);
    expect(await notify(PLAIN)).toBe(false);
    expect(warnings).toEqual([`no desktop notification: ${reason}. This is logged once.`]);
    expect(existsSync(join(folder, "notify-send.argv"))).toBe(false);
  },
);

test.each(["osascript", "notify-send"])(
  "a %s that cannot be started is a warning, not an error",
  async (name) => {
    if (name === "notify-send") writeFileSync(join(folder, name), "#!/nowhere/sh\n", { mode: 0o755 });
    expect(await desktop({ platform: name === "osascript" ? "darwin" : "linux" })(PLAIN)).toBe(false);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toStartWith(`no desktop notification: ${name} cannot be started (`);
  },
);

test("an argument that the system refuses is a warning, not an error", async () => {
  program("notify-send");
  expect(await desktop({ icon: "/a\0b" })(PLAIN)).toBe(false);
  expect(warnings).toHaveLength(1);
});

test("a program that hangs is killed after the limit, with its children, and the event loop goes on", async () => {
  program("notify-send", `/bin/sleep 60 &\necho $$ $! > "$0.pids"\nwait`);
  let ticks = 0;
  const clock = setInterval(() => ticks++, 10);
  const started = performance.now();
  expect(await desktop({ limitMs: 300 })(PLAIN)).toBe(false);
  clearInterval(clock);
  expect(performance.now() - started).toBeWithin(290, 20_000);
  expect(ticks).toBeGreaterThan(5);
  expect(warnings).toEqual([
    "no desktop notification: notify-send did not finish within 300 ms. This is logged once.",
  ]);
  const pids = readFileSync(join(folder, "notify-send.pids"), "utf8").trim().split(" ");
  expect(pids).toHaveLength(2);
  await until(() => pids.every(hasEnded));
});

test("a program that succeeds but leaves a child behind has shown the notification", async () => {
  program("notify-send", `/bin/sleep 30 &\nexit 0`);
  const started = performance.now();
  expect(await desktop()(PLAIN)).toBe(true);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("four run at a time, 32 wait and the rest is dropped with one warning", async () => {
  program("notify-send", `: > "$0.run.$$"\nwhile [ ! -e "$0.go" ]; do /bin/sleep 0.02; done`);
  const running = () => readdirSync(folder).filter((name) => name.startsWith("notify-send.run.")).length;
  const notify = desktop();
  const kept = Array.from({ length: 36 }, () => notify(PLAIN));
  expect(await Promise.all([notify(PLAIN), notify(PLAIN)])).toEqual([false, false]);
  expect(warnings).toEqual(["no desktop notification: 36 are already under way. This is logged once."]);
  await until(() => running() === 4);
  await Bun.sleep(100);
  expect(running()).toBe(4);
  writeFileSync(join(folder, "notify-send.go"), "");
  expect(await Promise.all(kept)).toEqual(kept.map(() => true));
  expect(running()).toBe(36);
  expect(await notify(PLAIN)).toBe(true);
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries++) await Bun.sleep(10);
  expect(holds()).toBe(true);
}

// A zombie has ended too: in a container nobody may collect it.
function hasEnded(pid: string): boolean {
  const state = spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).stdout.trim();
  return state === "" || state.startsWith("Z");
}
