import { describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installConfig } from "../../src/config/client.ts";
import { expectOwnHome } from "../../src/install/binary.ts";
import { plistText } from "../../src/install/launchd.ts";
import type { Places } from "../../src/install/service_types.ts";
import { unitText } from "../../src/install/systemd.ts";
import { parsePlist } from "../../src/lib/plist.ts";
import { pathHint } from "../../src/lib/shell_path.ts";
import { parseUnit } from "../../src/lib/unit_file.ts";
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";

const FOLDER = ".claude/contrib/agent-event-bus";

function placesIn(home: string): Places {
  const folder = `${home}/${FOLDER}`;
  return { program: `${home}/.local/bin/agent-event-bus`, folder, writable: [folder, `${home}/other place`] };
}

const HOMES = [
  "/home/jo",
  "/home/jo with a space",
  "/home/100%h",
  "/home/$HOME and $$",
  "/home/a&b <c>",
  "/home/jörg/日本 🦖",
];

describe("a service's text names its places however they are written", () => {
  test.each(HOMES)("%s", (home) => {
    const places = placesIn(home);
    const command = { words: [places.program, "serve"], folder: places.folder };
    expect(parseUnit(unitText(places), home)).toMatchObject(command);
    expect(parsePlist(plistText(places))).toMatchObject(command);
  });
});

const python = Bun.which("python3");
if (python === null) console.log("skipped: plistlib reads the property list: there is no python3");

describe.skipIf(python === null)("Python's plistlib reads the property list", () => {
  test.each(HOMES)("%s", (home) => {
    const places = placesIn(home);
    const read = Bun.spawnSync(
      [python ?? "", "-c", "import json, plistlib, sys; print(json.dumps(plistlib.load(sys.stdin.buffer)))"],
      { stdin: Buffer.from(plistText(places)), env: { PYTHONUTF8: "1" } },
    );
    expect(`${read.stderr}`).toBe("");
    expect(JSON.parse(`${read.stdout}`)).toEqual({
      Label: "com.evansenter.agent-event-bus",
      ProgramArguments: [places.program, "serve"],
      WorkingDirectory: places.folder,
      EnvironmentVariables: { PATH: "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 10,
      ExitTimeOut: 20,
      Umask: 0o077,
      SoftResourceLimits: { NumberOfFiles: 65_536 },
      ProcessType: "Background",
      StandardOutPath: "/dev/null",
      StandardErrorPath: "/dev/null",
    });
  });
});

const analyze = Bun.which("systemd-analyze");
if (analyze === null) console.log("skipped: systemd-analyze verify: there is no systemd-analyze");

describe.skipIf(analyze === null)("systemd-analyze verify finds nothing in the unit", () => {
  // The last name shows that systemd-analyze reports problems.
  test.each(["jo", "with a space", "100%h", "$HOME and $$", "a&b <c>", "jörg 🦖", "broken"])("%s", (name) => {
    const home = join(tempFolder(), name);
    const places = placesIn(home);
    mkdirSync(join(home, ".local/bin"), { recursive: true });
    mkdirSync(places.folder, { recursive: true });
    if (name !== "broken") Bun.spawnSync(["ln", "-s", binary, places.program]);
    const unit = join(home, "agent-event-bus.service");
    writeFileSync(unit, unitText(places));
    const said = Bun.spawnSync(
      [analyze ?? "", "verify", "--user", "--man=no", "--recursive-errors=no", unit],
      {
        stderr: "pipe",
        env: { PATH: process.env.PATH ?? "", HOME: home, XDG_RUNTIME_DIR: home },
      },
    );
    const found = `${said.stdout}${said.stderr}`
      .split("\n")
      .filter((line) => line.includes("agent-event-bus"));
    if (name === "broken") expect(found.join()).toContain(`${places.program} is not executable`);
    else expect({ found, code: said.exitCode }).toEqual({ found: [], code: 0 });
  });
});

test("a program that systemd would refuse is refused before, and launchd's text takes it", () => {
  for (const home of ["/home/o'hara", '/home/"jo"', "/home/a\\b"]) {
    expect(() => unitText(placesIn(home))).toThrow(`quote or a backslash (${home}`);
    expect(parsePlist(plistText(placesIn(home))).words[0]).toBe(placesIn(home).program);
  }
});

const PLIST = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
  <key>ProgramArguments</key><array><string>/Users/jo/bus &amp; co/.venv/bin/python</string><string>-m</string>
    <string>agent_event_bus.server</string></array>
  <key>WorkingDirectory</key>
  <string>/Users/jo/bus &amp; co</string>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PYTHONPATH</key> <string>/Users/jo/bus &amp; co/src</string>
    <!-- <key>PORT</key> <string>1</string> -->
    <key>HOST</key>
    <string>0.0.0.0</string>
    <key>NAME</key><string>&#x4a;&#111;</string>
  </dict>
  <key>KeepAlive</key><true/>
</dict></plist>`;

test("what the property list of the original says", () => {
  expect(parsePlist(PLIST)).toEqual({
    words: ["/Users/jo/bus & co/.venv/bin/python", "-m", "agent_event_bus.server"],
    folder: "/Users/jo/bus & co",
    env: { PYTHONPATH: "/Users/jo/bus & co/src", HOST: "0.0.0.0", NAME: "Jo" },
  });
  expect(parsePlist("bplist00\u0001")).toEqual({ words: [], folder: undefined, env: {} });
});

const UNIT = `[Service]
WorkingDirectory=%h/bus
# Environment=PORT=1
Environment=PYTHONPATH=/x/src HOST=0.0.0.0
Environment="AGENT_EVENT_BUS_DB=%h/my bus/100%%.db" 'A=it is' \\
  B=b
Environment=AGENT_EVENT_BUS_LOG=__LOG_FILE__
ExecStart=/x/.venv/bin/python -m agent_event_bus.server
`;

test("what the unit of the original says", () => {
  expect(parseUnit(UNIT, "/home/jo")).toEqual({
    words: ["/x/.venv/bin/python", "-m", "agent_event_bus.server"],
    folder: "/home/jo/bus",
    env: {
      PYTHONPATH: "/x/src",
      HOST: "0.0.0.0",
      AGENT_EVENT_BUS_DB: "/home/jo/my bus/100%.db",
      A: "it is",
      B: "b",
      AGENT_EVENT_BUS_LOG: "__LOG_FILE__",
    },
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: sudo in a person's HOME, this is not root");

test.skipIf(!isRoot)("sudo in a person's HOME is refused", () => {
  const config = { ...installConfig({ SUDO_UID: "1234" }), home: tempFolder() };
  expect(() => expectOwnHome(config)).not.toThrow();
  chownSync(config.home, 1234, 1234);
  expect(() => expectOwnHome(config)).toThrow(`HOME is ${config.home}, which belongs to another user.`);
  expect(() => expectOwnHome(config, 1234)).not.toThrow();
  // A container may well have such a HOME.
  expect(() => expectOwnHome({ ...config, env: {} })).not.toThrow();
});

test("the folder of the executable is on PATH however it is written there", () => {
  const { bin, ...rest } = installConfig({});
  const hint = (...path: string[]) => pathHint({ ...rest, bin, path });
  expect(hint("/usr/bin")).toStartWith(`${bin} is not on your PATH.`);
  for (const folder of [bin, `${bin}/`, `${join(bin, "x")}/..`])
    expect(hint("/usr/bin", folder)).toBeUndefined();
});
