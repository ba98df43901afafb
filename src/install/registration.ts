import { join } from "node:path";
import { type InstallConfig, settingsFile, settingsPath, tokenPath } from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import { quoted } from "../lib/escape.ts";
import { findProgram, NOT_STARTED, run } from "../lib/exec.ts";
import { textOf } from "../lib/files.ts";
import type { Json } from "../lib/json.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, skipped, step, unchanged } from "./steps.ts";

/** The MCP server as Claude Code knows it at user scope. */
export interface Registration {
  /** Empty if the entry is not a server at a URL. */
  url: string;
  token: string | undefined;
}

const NAME = "agent-event-bus";
const REMOVE = ["mcp", "remove", "--scope", "user", NAME];
const ADD_JSON = ["mcp", "add-json", "--scope", "user", NAME];
const ADD = ["mcp", "add", "--transport", "http", "--scope", "user", NAME];

/** Undefined if the bus is not registered. @throws Error when Claude Code's own file is not JSON. */
export function lookAtRegistration(config: InstallConfig): Registration | undefined {
  const entry = entryOf(config);
  if (entry === undefined) return undefined;
  const headers = Object.entries((entry.headers ?? {}) as Json);
  const [, header] = headers.find(([name]) => name.toLowerCase() === "authorization") ?? [];
  return {
    url: entry.type === "http" && typeof entry.url === "string" ? entry.url : "",
    token: /^bearer\s+(\S+)\s*$/i.exec(String(header ?? ""))?.[1],
  };
}

function entryOf({ claude: { file } }: InstallConfig): Json | undefined {
  const text = textOf(file)?.replace(/^\ufeff/, "");
  if (text === undefined || text.trim() === "") return undefined;
  try {
    return JSON.parse(text).mcpServers?.[NAME];
  } catch {
    throw new Error(`${file}, Claude Code's own file, is not JSON. Fix it first.`);
  }
}

export function findClaude(config: InstallConfig): string | undefined {
  return findProgram("claude", config, [config.bin, join(config.home, ".claude", "local")]);
}

export function registrationStep(config: InstallConfig, journal: Journal, wanted: Registration): Step {
  return step("mcp", async () => {
    const found = lookAtRegistration(config);
    const text = `${NAME} in Claude Code, at ${wanted.url}${wanted.token === undefined ? "" : " with a token"}`;
    if (found?.url === wanted.url && found.token === wanted.token) return unchanged(text);
    const claude = claudeFor(config);
    if (claude === undefined) return skipped(later(wanted, found !== undefined));
    return planned(text, async () => {
      journal.onUndo(claude.putBack);
      if (found !== undefined) await claude.ask(REMOVE);
      await claude.add(wanted);
      const now = lookAtRegistration(config);
      if (now?.url !== wanted.url || now.token !== wanted.token)
        throw new Error(`${claude.file} reported success, but ${config.claude.file} does not have it.`);
      if (found === undefined || found.url === wanted.url) return undefined;
      return `Previously ${found.url || "another kind of server"}`;
    });
  });
}

export function removeRegistrationStep(config: InstallConfig, journal: Journal): Step {
  return step("mcp", async () => {
    const text = `${NAME} not in Claude Code`;
    if (entryOf(config) === undefined) return unchanged(text);
    const claude = claudeFor(config);
    if (claude === undefined)
      return skipped(
        `the command claude was not found. Where it is installed, run: claude ${REMOVE.join(" ")}`,
      );
    return planned(text, async () => {
      journal.onUndo(claude.putBack);
      await claude.ask(REMOVE);
    });
  });
}

/** Undefined if there is no command `claude`. */
function claudeFor(config: InstallConfig) {
  const file = findClaude(config);
  if (file === undefined) return undefined;
  const former = entryOf(config);
  /** @throws Error with the program's words when it fails. */
  const ask = async (words: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await run([file, ...words], config, undefined, input);
    if (code === 0) return;
    if (code === NOT_STARTED)
      throw new Error(`${file} could not be started: ${stderr.replace(/^\w*Error: /, "")}.`);
    const said = `${stderr}${stdout}`.trim().split("\n").slice(0, 3).join(" ");
    throw new Error(`${[file, ...words.slice(0, 2)].join(" ")} failed with exit code ${code}: ${said}`);
  };
  /** Passes the token through stdin. Every user of this machine can read a command line. */
  const addEntry = async (entry: Json) => {
    const json = JSON.stringify(entry);
    // Older releases of Claude Code do not read stdin.
    await ask([...ADD_JSON, "-"], json).catch(() => ask([...ADD_JSON, json]));
  };
  const add = async ({ url, token }: Registration) => {
    if (token === undefined) await ask([...ADD, url]);
    else await addEntry({ type: "http", url, headers: { Authorization: `Bearer ${token}` } });
  };
  const putBack = async () => {
    const now = entryOf(config);
    if (JSON.stringify(now) === JSON.stringify(former)) return;
    if (now !== undefined) await ask(REMOVE);
    if (former !== undefined) await addEntry(former);
  };
  return { file, ask, add, putBack };
}

/** How to register the bus by hand once Claude Code is installed. The shell line reads the token from its file. */
function later({ url, token }: Registration, registered: boolean): string {
  const first = registered ? `claude ${REMOVE.join(" ")} && ` : "";
  const words = [...ADD, url].map(quoted).join(" ");
  const header = token === undefined ? "" : ` --header "Authorization: Bearer $(${readToken()})"`;
  return `the command claude was not found. Once Claude Code is installed, run: ${first}claude ${words}${header}`;
}

function readToken(): string {
  const { name } = VARIABLES.token;
  return settingsFile()[name]
    ? `sed -n s/^${name}=//p ${quoted(settingsPath())}`
    : `cat ${quoted(tokenPath())}`;
}
