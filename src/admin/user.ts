import { busUrl, environment } from "../config/client.ts";
import { agentMarkAbove } from "../lib/agent_marks.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { isInTerminal } from "../lib/terminal.ts";
import { createCall } from "../rpc/call.ts";
import { Refused } from "../rpc/errors.ts";

const ASK_MS = 2_000;
const CONFLICT = 409;

/**
 * Lets only the user go on. The bus knows its sessions, and shows the user what was `tried`.
 * @throws Error with a sentence if an agent started this process, or if it has no terminal.
 */
export async function expectUser(tried: string): Promise<void> {
  const told = await problemOfBus(tried);
  const problem = ownProblem() ?? told;
  if (problem !== null) throw new Error(`Nothing was made. ${problem}`);
}

function ownProblem(): string | null {
  const mark = agentMarkAbove(environment);
  if (mark !== undefined)
    return `Only the user may make a token with the scope answer, and an agent started this process (${mark}).`;
  if (isInTerminal()) return null;
  return "A token with the scope answer is made in a terminal. Type the command there, without pipes.";
}

/** Null also if the bus cannot be asked. */
async function problemOfBus(tried: string): Promise<string | null> {
  const url = busUrl(undefined, environment);
  if (process.platform !== "linux" || !isLoopbackUrl(url)) return null;
  try {
    const pid = isInTerminal() ? process.pid : undefined;
    await createCall({ url, token: undefined, api: true, pid })("prove_user", { tried }, ASK_MS);
    return null;
  } catch (error) {
    return error instanceof Refused && error.status === CONFLICT ? error.message : null;
  }
}
