import { join } from "node:path";
import { quoted } from "../admin/reason.ts";
import { type InstallConfig, settingsFile, settingsPath, tokenPath } from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Json } from "../lib/json.ts";
import { findProgram, type Ran, run } from "./exec.ts";
import { textOf } from "./files.ts";
import type { Ledger } from "./journal.ts";
import type { Step } from "./steps.ts";

/** The MCP server as Claude Code has it at user scope. */
export interface Registration {
  /** Empty when it is registered as something else than a server at a URL. */
  url: string;
  token: string | undefined;
}

const NAME = "agent-event-bus";

/** Reads Claude Code's own file; undefined when the bus is not registered. Throws Error when it cannot be read. */
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
    throw new Error(`${file}, Claude Code's own file, is not JSON. Put it right first.`);
  }
}

/** The command of Claude Code; undefined when there is none. */
export function findClaude(config: InstallConfig): string | undefined {
  const { home, bin } = config;
  return findProgram("claude", config, [bin, join(home, ".claude", "local")]);
}

/** Registers the bus with Claude Code, through its own command. */
export function registrationStep(config: InstallConfig, _ledger: Ledger, wanted: Registration): Step {
  return {
    what: "mcp",
    async plan() {
      const found = lookAtRegistration(config);
      const text = `${NAME} in Claude Code, at ${wanted.url}${wanted.token === undefined ? "" : " with a token"}`;
      if (found?.url === wanted.url && found.token === wanted.token) return { state: "unchanged", text };
      const claude = findClaude(config);
      if (claude === undefined)
        return { state: "skipped", text: later(addLine(wanted), found !== undefined) };
      const former = entryOf(config);
      return {
        state: "planned",
        text,
        async apply() {
          if (former !== undefined) await ask(config, [claude, ...REMOVE]);
          await add(config, claude, wanted);
          const now = lookAtRegistration(config);
          if (now?.url !== wanted.url || now.token !== wanted.token)
            throw new Error(`${claude} said that all is well, but ${config.claude.file} does not have it.`);
          return found === undefined || found.url === wanted.url
            ? undefined
            : `It was ${found.url || "another kind of server"} before`;
        },
        undo: () => putBack(config, claude, former),
      };
    },
  };
}

export function removeRegistrationStep(config: InstallConfig, _ledger: Ledger): Step {
  return {
    what: "mcp",
    async plan() {
      const former = entryOf(config);
      const text = `${NAME} not in Claude Code`;
      if (former === undefined) return { state: "unchanged", text };
      const claude = findClaude(config);
      if (claude === undefined)
        return {
          state: "skipped",
          text: `there is no command claude. Where there is one, run: claude ${REMOVE.join(" ")}`,
        };
      return {
        state: "planned",
        text,
        async apply() {
          await ask(config, [claude, ...REMOVE]);
          return undefined;
        },
        undo: () => putBack(config, claude, former),
      };
    },
  };
}

const REMOVE = ["mcp", "remove", "--scope", "user", NAME] as const;

const ADD_JSON = ["mcp", "add-json", "--scope", "user", NAME] as const;

function addWords(url: string): string[] {
  return ["mcp", "add", "--transport", "http", "--scope", "user", NAME, url];
}

async function add(config: InstallConfig, claude: string, { url, token }: Registration): Promise<void> {
  if (token === undefined) return ask(config, [claude, ...addWords(url)]);
  await addEntry(config, claude, { type: "http", url, headers: { Authorization: `Bearer ${token}` } });
}

/** The token goes by stdin: a command line can be read by every user of this machine. */
async function addEntry(config: InstallConfig, claude: string, entry: Json): Promise<void> {
  const json = JSON.stringify(entry);
  try {
    await ask(config, [claude, ...ADD_JSON, "-"], json);
  } catch {
    // An older Claude Code takes it nowhere else.
    await ask(config, [claude, ...ADD_JSON, json]);
  }
}

/** For a shell, with the way to the token in its place. */
function addLine({ url, token }: Registration): string {
  const words = addWords(url).map(quoted);
  const header = token === undefined ? "" : ` --header "Authorization: Bearer $(${readToken()})"`;
  return `claude ${words.join(" ")}${header}`;
}

function readToken(): string {
  const { name } = VARIABLES.token;
  return settingsFile()[name]
    ? `sed -n s/^${name}=//p ${quoted(settingsPath())}`
    : `cat ${quoted(tokenPath())}`;
}

function later(line: string, registered: boolean): string {
  const first = registered ? `claude ${REMOVE.join(" ")} && ` : "";
  return `there is no command claude. Once Claude Code is installed, run: ${first}${line}`;
}

async function putBack(config: InstallConfig, claude: string, former: Json | undefined): Promise<void> {
  const now = entryOf(config);
  if (JSON.stringify(now) === JSON.stringify(former)) return;
  if (now !== undefined) await ask(config, [claude, ...REMOVE]);
  if (former !== undefined) await addEntry(config, claude, former);
}

/** Throws Error with what the program said. */
async function ask(
  config: InstallConfig,
  command: readonly [string, ...string[]],
  input?: string,
): Promise<void> {
  let ran: Ran;
  try {
    ran = await run(command, config, undefined, input);
  } catch (error) {
    throw new Error(`${command[0]} could not be started: ${(error as Error).message}.`);
  }
  if (ran.code === 0) return;
  const said = `${ran.stderr}${ran.stdout}`.trim().split("\n").slice(0, 3).join(" ");
  throw new Error(`${command.slice(0, 3).join(" ")} failed with exit code ${ran.code}: ${said}`);
}
