import { busUrl, clientConfig, environment } from "../../config/client.ts";
import { thisMachine } from "../../config/machine_id.ts";
import type { Json } from "../../lib/json.ts";
import { createCall } from "../../rpc/call.ts";
import { readStdin } from "../../runtime/stdio.ts";

/** A prompt that waits longer than this (ms) is a nuisance. */
const PATIENCE_MS = 500;

/** Asks the bus once. Empty if it does not answer, or not in time. */
export async function counts(): Promise<Json> {
  try {
    const { token, sessionId } = clientConfig(environment);
    const call = createCall({ url: busUrl(undefined, environment), token });
    const client_id = (await clientIn()) ?? sessionId;
    const whose = client_id === undefined ? {} : { client_id, ...thisMachine() };
    return await call("summarize", whose, PATIENCE_MS);
  } catch {
    return {};
  }
}

/** The session of Claude Code's status line, which comes as JSON on stdin. */
async function clientIn(): Promise<string | undefined> {
  if (process.getBuiltinModule("node:tty").isatty(0)) return undefined;
  try {
    const { session_id } = JSON.parse(await Promise.race([readStdin(), silence()]));
    return typeof session_id === "string" ? session_id : undefined;
  } catch {
    return undefined;
  }
}

/** A shell's prompt may have a stdin that never ends. */
function silence(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, "").unref());
}
