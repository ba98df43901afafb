import { branchOf, repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { pidNamespace, processStart } from "../lib/process.ts";
import { bounded, titleOf } from "./input.ts";
import { machineIn } from "./session.ts";
import type { HookCall } from "./types.ts";

/** The answer of `start_session`. */
export interface Started {
  session_id: string;
  display_id: string;
  name: string;
  repo: string;
  claims: string[];
  warning?: string;
  others: { name: string; display_id: string; repo: string; machine: string; reach: string }[];
  other_sessions: number;
  unread: number;
  direct: number;
  direct_from: string[];
  /** Unread direct messages that an earlier client may have read. */
  repeats?: number[];
}

/** Registers the session. Null if the client names no session. */
export async function register(run: HookCall): Promise<Started | null> {
  const { input, config, clientId, call } = run;
  if (clientId === undefined) return null;
  const cwd = input.cwd ?? process.cwd();
  const folder = cwd.split(/[\\/]/).filter(Boolean).at(-1) || "session";
  const branch = await branchOf(cwd);
  const ownBranch = branch === null || /^(main|master)$/.test(branch) ? null : branch;
  const pid = config.clientPid;
  const pid_started = pid === undefined ? null : processStart(pid);
  const namespace = pidNamespace();
  const title = titleOf(input);
  const args: Json = {
    client_id: clientId,
    ...machineIn(run),
    name: bounded(ownBranch ?? folder),
    cwd,
    repo: await repoOf(cwd, true),
    ...(branch !== null && { branch: bounded(branch) }),
    ...(title !== undefined && { title }),
    ...(pid_started !== null && { pid, pid_started }),
    ...(namespace !== undefined && { pid_namespace: namespace }),
  };
  return (await call("start_session", args)) as unknown as Started;
}
