import { randomUUID } from "node:crypto";
import {
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  settingsFile,
  tokenPath,
  version,
} from "../config/client.ts";
import { thisMachine } from "../config/machine_id.ts";
import { VARIABLES } from "../config/variables.ts";
import { type Desk, UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { pathHint } from "../lib/shell_path.ts";
import { endpoint } from "../rpc/call.ts";
import { type Probe, probe, tryTool } from "../rpc/probe.ts";
import {
  binaryStep,
  commandOf,
  expectExecutable,
  expectOwnHome,
  isInstalled,
  programPath,
} from "./binary.ts";
import { claudeSteps, type Without } from "./claude_steps.ts";
import { lookAtHooks } from "./hooks.ts";
import { Journal } from "./journal.ts";
import { isOfPlugin } from "./plugin_folder.ts";
import { findService } from "./service.ts";
import { settingsStep, tokenStep } from "./settings.ts";
import { carryOut, type Flags, type Step } from "./steps.ts";

interface Given extends Flags, Without {
  url: string;
  token: string | undefined;
}

type Bus = Probe & { kind: "bus" };

/** Installs this machine as a client of a bus elsewhere, once that bus has answered. @throws Error or UsageError. */
export async function installClient(args: Json, desk: Desk): Promise<Json> {
  expectExecutable();
  const given = checked(args as unknown as Given);
  const config = installConfig(environment);
  expectOwnHome(config);
  const token = given.token ?? keptToken();
  const bus = await reach(given, token);
  const journal = new Journal(config.data);
  return carryOut(stepsOf(config, journal, given, token), {
    ...{ desk, journal, flags: given },
    finish: () => {
      journal.removeFolders(isOfPlugin(config));
      return hintsOf(config, given, bus);
    },
  });
}

function checked(given: Given): Given {
  const token = given.token?.trim();
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(
      token === "" ? "The token is empty." : "The token contains an invalid character.",
      "Create one on the bus's machine with: agent-event-bus token create --name NAME",
    );
  const url = urlOf(given.url);
  const { username, password, hash, search } = new URL(url);
  if (`${username}${password}${hash}${search}` !== "")
    throw new UsageError(
      `The URL ${given.url} contains more than the address of a bus.`,
      "Write it like http://my-server:8080/mcp, and pass a token with --token.",
    );
  return { ...given, url, token };
}

function urlOf(text: string): string {
  try {
    return endpoint(text).href;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The bus at the URL. @throws Error with a sentence unless a session of this machine can use it. */
async function reach(given: Given, token: string | undefined): Promise<Bus> {
  const { url } = given;
  const found = await probe(url, token);
  switch (found.kind) {
    case "nobody":
    case "foreign":
      throw new Error(found.sentence);
    case "stranger":
      throw new Error(`The server at ${url} is not an agent-event-bus (${found.found}). Check the URL.`);
    case "original":
      throw new Error(
        `The bus at ${url} is the Python original, which is too old for this client. Replace it there with: agent-event-bus install server`,
      );
    case "unauthorized":
      throw new Error(
        `The bus at ${url} did not let this machine in. ${found.sentence}${tokenHint(found.sentence, given, token)}`,
      );
    default:
      await expectTools(given, token, found.version);
      return found;
  }
}

// A refusal can have another cause, such as a host name that the bus's settings lack.
function tokenHint(sentence: string, given: Given, token: string | undefined): string {
  if (!sentence.includes("token create")) return "";
  if (given.token === undefined && token !== undefined) return ` The token came from ${tokenPath()}.`;
  return " Then pass it here with --token.";
}

/** Makes a session's first calls. They change nothing, because no session has the id they name. */
async function expectTools({ url, no_hooks }: Given, token: string | undefined, theirs: string) {
  const expectTool = async (tool: string, args: Json, refusal: (reason: string) => string) => {
    const tried = await tryTool(url, token, tool, args);
    if ("ok" in tried) return;
    const { status, reason } = tried;
    throw new Error(
      status === 403
        ? `The token is not enough for a session. ${reason} On the bus's machine, run: agent-event-bus token create --name NAME --scope full`
        : refusal(reason),
    );
  };
  await expectTool(
    "list_sessions",
    {},
    (reason) => `The bus at ${url} rejected the call: ${reason} Check that the URL ends in /mcp.`,
  );
  if (no_hooks) return;
  await expectTool(
    "collect_events",
    { client_id: randomUUID(), ...thisMachine(), path: "prompt" },
    (reason) =>
      `The bus at ${url} (version ${theirs}) is too old for the hooks of this version (${version}): ${reason} Update it there, or install with --no-hooks.`,
  );
}

function stepsOf(config: InstallConfig, journal: Journal, given: Given, token: string | undefined): Step[] {
  const { url } = given;
  // A token in settings.env would win over the one in the file.
  const shadowed = given.token !== undefined && settingsFile()[VARIABLES.token.name] !== undefined;
  return [
    binaryStep(config, journal, isInstalled(config)),
    settingsStep(journal, { [VARIABLES.url.name]: url, ...(shadowed && { [VARIABLES.token.name]: null }) }),
    ...(given.token === undefined ? [] : [tokenStep(journal, given.token)]),
    ...claudeSteps(config, journal, given, { url, token }),
  ];
}

async function hintsOf(config: InstallConfig, given: Given, bus: Bus) {
  const { url } = given;
  const program = commandOf(config);
  const { disabledBy } = lookAtHooks(config, programPath(config));
  const service = await findService(config);
  const ownBus = !isLoopbackUrl(url) && "file" in service && (await service.state()).installed;
  return [
    pathHint(config),
    bus.version === version
      ? undefined
      : `The bus at ${url} has version ${bus.version}, this client ${version}. Both work together. Update the older one when you can.`,
    bus.status === "ok"
      ? undefined
      : `The bus at ${url} does not accept writes at the moment (${bus.reason ?? "degraded"}). To see why, run agent-event-bus doctor on its machine.`,
    given.no_hooks || disabledBy === undefined
      ? undefined
      : `Claude Code does not run hooks because of ${disabledBy.setting} in ${disabledBy.file}. Remove it, or sessions will not see new events.`,
    ownBus
      ? `This machine has a bus of its own too, which its sessions no longer use. To remove it: ${program} uninstall --server`
      : undefined,
    `To check that it works: ${program} doctor`,
  ];
}
