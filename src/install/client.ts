import { randomUUID } from "node:crypto";
import { quoted } from "../admin/reason.ts";
import {
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  machine,
  settingsFile,
  tokenPath,
  version,
} from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import { type Desk, UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { endpoint } from "../rpc/call.ts";
import { type Probe, probe, tryTool } from "../rpc/probe.ts";
import { allowStep } from "./allow.ts";
import { binaryStep, expectExecutable, expectOwnHome, pathHint, programPath } from "./binary.ts";
import { hooksStep, lookAtHooks } from "./hooks.ts";
import { Ledger } from "./journal.ts";
import { partStep } from "./optional_step.ts";
import { registrationStep } from "./registration.ts";
import { findService } from "./service.ts";
import { settingsStep } from "./settings.ts";
import { carryOut, isOver, type Step } from "./steps.ts";
import { tokenStep } from "./token.ts";

/** What the person asked for. */
interface Wanted {
  url: string;
  /** The token that was given now. */
  given: string | undefined;
  hooks: boolean;
  allow: boolean;
  mcp: boolean;
}

/** Installs this machine as a client of a bus elsewhere, once that bus has answered. Throws Error, or UsageError. */
export async function installClient(args: Json, desk: Desk): Promise<Json> {
  expectExecutable();
  const wanted = wantedOf(args);
  const config = installConfig(environment);
  expectOwnHome(config);
  const token = wanted.given ?? keptToken();
  const found = await reach(wanted, token);
  const ledger = new Ledger(config.data);
  const result = await carryOut(stepsOf(config, ledger, wanted, token), {
    ...{ desk, ledger, dryRun: args.dry_run === true },
    question: args.yes === true ? undefined : "Do this?",
  });
  if (isOver(result) || args.dry_run === true) return result;
  return { ...result, next: await remarks(config, wanted, found) };
}

function wantedOf({ url, token, no_hooks, no_allow, no_mcp }: Json): Wanted {
  const given = token === undefined ? undefined : String(token).trim();
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given))
    throw new UsageError(
      given === "" ? "The token is empty." : "The token holds a character that no token has.",
      "Make one on the bus's machine with: agent-event-bus token create --name NAME",
    );
  const href = urlOf(String(url));
  const { username, password, hash, search } = new URL(href);
  if (`${username}${password}${hash}${search}` !== "")
    throw new UsageError(
      `The URL ${String(url)} holds more than the way to a bus.`,
      "Give it like http://my-server:8080/mcp, and a token with --token.",
    );
  return { url: href, given, hooks: no_hooks !== true, allow: no_allow !== true, mcp: no_mcp !== true };
}

function urlOf(text: string): string {
  try {
    return endpoint(text).href;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Who answers at the URL. Throws Error with a sentence unless it is a bus that a session of this machine can use. */
async function reach(wanted: Wanted, token: string | undefined): Promise<Probe & { kind: "bus" }> {
  const { url } = wanted;
  const found = await probe(url, token);
  switch (found.kind) {
    case "nobody":
    case "foreign":
      throw new Error(found.sentence);
    case "stranger":
      throw new Error(`What answers at ${url} is no agent-event-bus (${found.found}). Check the URL.`);
    case "original":
      throw new Error(
        `The bus at ${url} is the Python original, which is too old for this client. Replace it there with: agent-event-bus install server`,
      );
    case "unauthorized":
      throw new Error(
        `The bus at ${url} did not let this machine in. ${found.sentence}${tokenHint(found.sentence, wanted, token)}`,
      );
    default:
      await expectTools(wanted, token, found.version);
      return found;
  }
}

// Not every refusal is about a token: a name or a login may be missing in the bus's settings.
function tokenHint(sentence: string, { given }: Wanted, token: string | undefined): string {
  if (!sentence.includes("token create")) return "";
  if (given === undefined && token !== undefined)
    return ` The token sent was the one kept in ${tokenPath()}.`;
  return " Then give it here with --token.";
}

/** A session's first calls. They change nothing: nobody has the id that is asked for. */
async function expectTools({ url, hooks }: Wanted, token: string | undefined, theirs: string): Promise<void> {
  const listed = await tryTool(url, token, "list_sessions");
  if ("reason" in listed)
    throw new Error(
      listed.status === 403
        ? scopeSentence(listed.reason)
        : `The bus at ${url} takes no calls there: ${listed.reason} Check that the URL ends in /mcp.`,
    );
  if (!hooks) return;
  const collect = { client_id: randomUUID(), machine: machine(), path: "prompt" };
  const collected = await tryTool(url, token, "collect_events", collect);
  if (!("reason" in collected)) return;
  throw new Error(
    collected.status === 403
      ? scopeSentence(collected.reason)
      : `The bus at ${url} (version ${theirs}) is too old for the hooks of this version (${version}): ${collected.reason} Update it there, or install with --no-hooks.`,
  );
}

function scopeSentence(reason: string): string {
  return `The token is not enough for a session: ${reason}. Make one with --scope full on the bus's machine: agent-event-bus token create --name NAME`;
}

function stepsOf(config: InstallConfig, ledger: Ledger, wanted: Wanted, token: string | undefined): Step[] {
  const { url, given, hooks, allow, mcp } = wanted;
  const binary = programPath(config);
  // A token in settings.env would go before the one in the file.
  const shadowed = given !== undefined && settingsFile()[VARIABLES.token.name] !== undefined;
  return [
    binaryStep(config, ledger),
    settingsStep(ledger, { [VARIABLES.url.name]: url, ...(shadowed && { [VARIABLES.token.name]: null }) }),
    ...(given === undefined ? [] : [tokenStep(ledger, given)]),
    partStep(ledger, "hooks", hooks, hooksStep(config, ledger, binary)),
    ...(mcp ? [partStep(ledger, "allow", allow, allowStep(config, ledger))] : []),
    partStep(ledger, "mcp", mcp, registrationStep(config, ledger, { url, token })),
  ];
}

/** What the person should know or do afterwards. */
async function remarks(
  config: InstallConfig,
  { url, hooks }: Wanted,
  found: Probe & { kind: "bus" },
): Promise<string[]> {
  const hint = pathHint(config);
  const program = hint === undefined ? "agent-event-bus" : quoted(programPath(config));
  const lines: (string | undefined)[] = [hint];
  if (found.version !== version)
    lines.push(
      `The bus at ${url} has version ${found.version}, this client ${version}. They work together; update the older one when you can.`,
    );
  if (found.status === "degraded")
    lines.push(
      `The bus at ${url} takes no writes at the moment (${found.reason ?? "degraded"}); agent-event-bus doctor on its machine says why.`,
    );
  const { disabledBy } = lookAtHooks(config, programPath(config));
  if (hooks && disabledBy !== undefined)
    lines.push(
      `Claude Code runs no hooks as long as there is ${disabledBy.setting} in ${disabledBy.file}: take it out, or sessions will not see what comes.`,
    );
  const service = await findService(config);
  if (!isLoopbackUrl(url) && "file" in service && (await service.state()).installed)
    lines.push(
      `This machine has a bus of its own too, which its sessions do not use now. Remove it with: ${program} uninstall --server`,
    );
  lines.push(`To see that it works: ${program} doctor`);
  return lines.filter((line) => line !== undefined);
}
