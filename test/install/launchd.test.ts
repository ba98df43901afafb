import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { installConfig, version } from "../../src/config/client.ts";
import { findLaunchd } from "../../src/install/launchd.ts";
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { isListening, ran } from "../support/installed.ts";
import { launchctlStub, ordinaryPath } from "../support/managers.ts";
import { freePort } from "../support/port.ts";
import { health } from "../support/process.ts";

const LABEL = "com.evansenter.agent-event-bus";
const DOMAIN = `gui/${process.getuid?.()}`;
const DRIVER = join(import.meta.dir, "../support/on_mac.ts");

/** A HOME with the executable, settings, and a launchctl that records what it is asked. */
async function mac() {
  const home = join(tempFolder(), "jo smith");
  const data = join(home, DATA);
  const port = await freePort();
  mkdirSync(join(home, ".local/bin"), { recursive: true });
  symlinkSync(binary, join(home, ".local/bin/agent-event-bus"));
  mkdirSync(data, { recursive: true });
  const launchctl = launchctlStub();
  const env = { HOME: home, PATH: `${launchctl.folder}:${ordinaryPath()}` };
  return {
    ...{ home, data, port, launchctl },
    plist: join(home, "Library/LaunchAgents", `${LABEL}.plist`),
    async run(what: "install" | "stop" | "start" | "restart" | "uninstall") {
      const { stdout, stderr } = await ran([process.execPath, DRIVER, what], env);
      if (stderr !== "") throw new Error(stderr);
      const { steps, error } = JSON.parse(stdout);
      return {
        steps: Object.fromEntries(steps.map(({ what, state }: Record<string, string>) => [what, state])),
        remark: steps.at(-1)?.text,
        error,
        verbs: launchctl.calls().filter((call) => !call.startsWith("print ")),
      };
    },
  };
}

test("launchctl is called with the documented verbs: install, again, after a change, restart, uninstall", async () => {
  const { data, port, plist, launchctl, run } = await mac();
  const settings = join(data, "settings.env");
  writeFileSync(settings, `PORT=${port}\n`);
  const start = [`enable ${DOMAIN}/${LABEL}`, `bootstrap ${DOMAIN} ${plist}`];
  expect(await run("install")).toMatchObject({ steps: { service: "done" }, verbs: start });
  expect(await health({ port })).toMatchObject({ version });
  const written = statSync(plist).mtimeMs;

  expect(await run("install")).toMatchObject({ steps: { service: "unchanged" }, verbs: [] });
  expect(statSync(plist).mtimeMs).toBe(written);

  await Bun.sleep(1_000);
  writeFileSync(settings, `PORT=${port}\nHOST=localhost\n`);
  const bootout = `bootout ${DOMAIN}/${LABEL}`;
  expect(await run("install")).toMatchObject({ steps: { service: "done" }, verbs: [bootout, ...start] });

  const former = launchctl.pid();
  const restart = [`kill SIGTERM ${DOMAIN}/${LABEL}`, `kickstart -k ${DOMAIN}/${LABEL}`];
  expect(await run("restart")).toMatchObject({ verbs: restart });
  expect(launchctl.pid()).not.toBe(former);

  expect(await run("stop")).toMatchObject({ verbs: [bootout] });
  expect(await isListening(port)).toBe(false);
  // launchd loads the file at the next login.
  expect(existsSync(plist)).toBe(true);
  expect(await run("stop")).toMatchObject({ verbs: [] });
  expect(await run("start")).toMatchObject({ verbs: start });
  expect(await health({ port })).toMatchObject({ version });

  expect(await run("uninstall")).toMatchObject({ steps: { service: "done" }, verbs: [bootout] });
  expect(existsSync(plist)).toBe(false);
  expect(await isListening(port)).toBe(false);
  expect(await run("uninstall")).toMatchObject({ steps: { service: "unchanged" }, verbs: [] });
});

test("the original's agent is replaced: its settings move to settings.env, its file to a copy that stays", async () => {
  const { home, data, port, plist, run } = await mac();
  const theirs = `<plist version="1.0"><dict><key>ProgramArguments</key><array><string>/x/python</string></array>
<key>EnvironmentVariables</key><dict><key>PORT</key><string>${port}</string><key>HOST</key><string>localhost</string>
<key>AGENT_EVENT_BUS_ICON</key><string>/gone/icon.png</string><key>AGENT_EVENT_BUS_URL</key><string>http://x</string>
<key>AGENT_EVENT_BUS_LOG</key><string>${home}/${DATA}/agent-event-bus.log</string></dict></dict></plist>`;
  mkdirSync(dirname(plist), { recursive: true });
  writeFileSync(plist, theirs);
  const { steps, remark } = await run("install");
  expect(steps).toEqual({ settings: "done", service: "done" });
  expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(`HOST=localhost\nPORT=${port}\n`);
  const copy = /A copy of its file: (.*)$/.exec(remark)?.[1] ?? "";
  expect(readFileSync(copy, "utf8")).toBe(theirs);
  const gone = await run("uninstall");
  expect(gone.remark).toContain(copy);
  expect(existsSync(plist)).toBe(false);
});

test("without a person at the screen, or without launchctl, there is no service manager", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "launchctl"), "#!/bin/sh\nexit 125\n", { mode: 0o755 });
  const at = (PATH: string) => findLaunchd(installConfig({ HOME: folder, PATH }));
  expect(await at(folder)).toEqual({ none: expect.stringContaining(`no user is logged in at the screen`) });
  expect(await at("/nowhere")).toEqual({ none: "the command launchctl was not found" });
});
