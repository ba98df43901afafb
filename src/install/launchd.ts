import { existsSync } from "node:fs";
import { join } from "node:path";
import template from "../../launchd/com.evansenter.agent-event-bus.plist" with { type: "text" };
import type { InstallConfig } from "../config/client.ts";
import { markup } from "../lib/escape.ts";
import { findProgram, type Ran, subCommandsOf, wordsOf } from "../lib/exec.ts";
import { parsePlist } from "../lib/plist.ts";
import { within } from "../lib/within.ts";
import { type FoundService, filled, type Places, type Service, type ServiceState } from "./service_types.ts";

const LABEL = "com.evansenter.agent-event-bus";
/** Longer than the service may take to stop. */
const GONE_MS = 25_000;

export async function findLaunchd(config: InstallConfig): Promise<FoundService> {
  const launchctl = findProgram("launchctl", config, ["/bin"]);
  if (launchctl === undefined) return { none: "the command launchctl was not found" };
  const domain = `gui/${process.getuid?.() ?? 501}`;
  const { tries } = subCommandsOf([launchctl], config);
  if ((await tries("print", domain)).code !== 0)
    return { none: `no user is logged in at the screen of this Mac, so launchd has no ${domain}` };
  return createLaunchd(config, launchctl, domain);
}

function createLaunchd(config: InstallConfig, launchctl: string, domain: string): Service {
  const { tries, does } = subCommandsOf([launchctl], config);
  const target = `${domain}/${LABEL}`;
  const file = join(config.home, "Library", "LaunchAgents", `${LABEL}.plist`);
  const state = async () => stateOf(await tries("print", target), existsSync(file));
  const bootout = async () => {
    if (!(await state()).enabled) return;
    const ran = await tries("bootout", target);
    // launchctl answers before the service has ended.
    if (!(await within(GONE_MS, async () => !(await state()).enabled)))
      throw new Error(`launchctl bootout ${target} did not stop the service: ${wordsOf(ran)}.`);
  };
  return {
    name: `LaunchAgent ${LABEL}`,
    file,
    text: plistText,
    parse: parsePlist,
    state,
    async start() {
      await bootout();
      await does("enable", target);
      await does("bootstrap", domain, file);
    },
    async restart() {
      const { pid } = await state();
      // `kickstart -k` alone does not let the bus finish its calls.
      if (pid !== undefined && (await tries("kill", "SIGTERM", target)).code === 0)
        await within(GONE_MS, async () => (await state()).pid !== pid);
      await does("kickstart", "-k", target);
    },
    // launchd loads the file again at the next login, as long as it is there.
    stop: bootout,
    disable: bootout,
    forget: async () => {},
    why: `launchctl print ${target}`,
    hint: async () => undefined,
  };
}

function stateOf({ code, stdout }: Ran, installed: boolean): ServiceState {
  const loaded = code === 0;
  const saidOf = (key: string) => new RegExp(`^\\s*${key} = (.+)$`, "m").exec(stdout)?.[1];
  const pid = Number(saidOf("pid")) || undefined;
  const ended = saidOf("last exit code");
  const isRunning = loaded && pid !== undefined;
  const detail = `${saidOf("state") ?? "unknown"}${ended === undefined ? "" : `, last exit code ${ended}`}`;
  return {
    installed,
    enabled: loaded,
    running: isRunning,
    pid,
    // launchd never gives up.
    failed: false,
    restarting: loaded && !isRunning && ended !== "0",
    detail: loaded ? detail : "not loaded",
  };
}

export function plistText({ program, folder }: Places): string {
  return filled(template, { program: markup(program), folder: markup(folder) });
}
