import { existsSync } from "node:fs";
import { join } from "node:path";
import template from "../../launchd/com.evansenter.agent-event-bus.plist" with { type: "text" };
import type { InstallConfig } from "../config/client.ts";
import { findProgram, type Ran, run } from "./exec.ts";
import type { Command, Places, Service, ServiceState } from "./service.ts";

const LABEL = "com.evansenter.agent-event-bus";
/** Longer than the service may take to stop. */
const GONE_MS = 25_000;
const POLL_MS = 100;

/** launchd's domain of this person; the reason when it cannot be reached. */
export async function findLaunchd(config: InstallConfig): Promise<Service | { none: string }> {
  const launchctl = findProgram("launchctl", config, ["/bin"]);
  if (launchctl === undefined) return { none: "there is no command launchctl" };
  const domain = `gui/${process.getuid?.() ?? 501}`;
  const asked = await run([launchctl, "print", domain], config);
  if (asked.code !== 0)
    return { none: `nobody is logged in at the screen of this Mac, so there is no ${domain} of launchd` };
  return createLaunchd(config, launchctl, domain);
}

function createLaunchd(config: InstallConfig, launchctl: string, domain: string): Service {
  const attempt = (...words: string[]) => run([launchctl, ...words], config);
  const must = async (...words: string[]) => {
    const ran = await attempt(...words);
    if (ran.code !== 0) throw new Error(`launchctl ${words.join(" ")} failed: ${wordsOf(ran)}.`);
  };
  const target = `${domain}/${LABEL}`;
  const file = join(config.home, "Library", "LaunchAgents", `${LABEL}.plist`);
  const print = () => attempt("print", target);
  const bootout = async () => {
    if ((await print()).code !== 0) return;
    const ran = await attempt("bootout", target);
    // It answers before the service has ended.
    if (!(await within(GONE_MS, async () => (await print()).code !== 0)))
      throw new Error(`launchctl bootout ${target} did not end the service: ${wordsOf(ran)}.`);
  };
  return {
    name: `LaunchAgent ${LABEL}`,
    file,
    text: plistText,
    parse: parsePlist,
    state: async () => stateOf(await print(), existsSync(file)),
    async start() {
      await bootout();
      await must("enable", target);
      await must("bootstrap", domain, file);
    },
    async restart() {
      const { stdout } = await print();
      const { pid } = stateOf({ code: 0, stdout, stderr: "" }, true);
      // `kickstart -k` alone does not let it finish its calls.
      if (pid !== undefined && (await attempt("kill", "SIGTERM", target)).code === 0)
        await within(GONE_MS, async () => stateOf(await print(), true).pid !== pid);
      await must("kickstart", "-k", target);
    },
    stop: bootout,
    forget: async () => {},
    why: `launchctl print ${target}`,
    hint: async () => undefined,
  };
}

async function within(ms: number, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (await isSo()) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return isSo();
}

function stateOf({ code, stdout }: Ran, installed: boolean): ServiceState {
  const saidOf = (key: string) => new RegExp(`^\\s*${key} = (.+)$`, "m").exec(stdout)?.[1];
  const pid = Number(saidOf("pid"));
  const state = saidOf("state") ?? "unknown";
  const ended = saidOf("last exit code");
  return {
    installed,
    enabled: code === 0,
    running: code === 0 && pid > 0,
    pid: pid > 0 ? pid : undefined,
    // launchd never gives up.
    failed: false,
    detail: code !== 0 ? "not loaded" : `${state}${ended === undefined ? "" : `, last exit code ${ended}`}`,
  };
}

function wordsOf({ stderr, stdout, code }: Ran): string {
  return (stderr.trim() || stdout.trim() || `exit code ${code}`).replaceAll("\n", " ").replace(/\.$/, "");
}

/** The property list for these places. */
export function plistText({ program, folder }: Places): string {
  const values: Record<string, string> = { program: escaped(program), folder: escaped(folder) };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** What a property list in XML runs. */
export function parsePlist(text: string): Command {
  const shown = text.replace(/<!--.*?-->/gs, "");
  const after = (key: string, pattern: string) =>
    new RegExp(`<key>${key}</key>\\s*${pattern}`, "s").exec(shown)?.[1] ?? "";
  const strings = after("ProgramArguments", "<array>(.*?)</array>").matchAll(/<string>(.*?)<\/string>/gs);
  const pairs = after("EnvironmentVariables", "<dict>(.*?)</dict>").matchAll(
    /<key>(.*?)<\/key>\s*<string>(.*?)<\/string>/gs,
  );
  return {
    words: [...strings].map(([, value = ""]) => unescaped(value)),
    folder: unescaped(after("WorkingDirectory", "<string>(.*?)</string>")) || undefined,
    env: Object.fromEntries([...pairs].map(([, key = "", value = ""]) => [unescaped(key), unescaped(value)])),
  };
}

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
    decimal || hex
      ? String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16))
      : (ENTITIES[name] ?? whole),
  );
}
