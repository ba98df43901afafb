import { bounded, knownFields, titleOf } from "../hooks/input.ts";
import { HookSession, machineIn } from "../hooks/session.ts";
import type { SessionCall } from "../hooks/types.ts";
import { branchIn } from "../lib/branch.ts";
import { firstWords } from "../lib/first_words.ts";
import type { Json } from "../lib/json.ts";
import { repoName } from "../lib/repo_name.ts";
import { type Bus, callBus, textOf } from "./bus.ts";
import type { ClassicInput, Engine } from "./engine.ts";

/** Whose turn it is to wake the session: the mod's, unless it gave it up to the waiter. */
export const lease = { isGivenUp: false };

/** One event of the session that the mod is in, with the bus to tell. */
export async function sessionCall($: Engine, bus: Bus, input: ClassicInput): Promise<SessionCall> {
  // After /clear it is another one.
  const clientId = await $.session.id();
  const call: SessionCall = {
    input: knownFields(input),
    config: { clientPid: undefined },
    ...{ machine: bus.machine, machineId: bus.machineId, clientId },
    call: (tool, args, timeoutMs) =>
      callBus($, bus, tool, OF_MOD.includes(tool) ? { ...args, mod: !lease.isGivenUp } : args, timeoutMs),
    register: () => register($, call),
    lastWords: async (answer) => (bus.tellsLastWords ? firstWords(answer) : undefined),
    branch: async () => branchOf($, await $.session.cwd()),
  };
  return call;
}

/** Operations that are told who asks, so that the bus knows what carries the session. */
const OF_MOD: readonly string[] = ["start_session", "collect_events", "confirm_events", "watch_inbox"];

export async function hookSession($: Engine, bus: Bus, input: ClassicInput = {}): Promise<HookSession> {
  return new HookSession(await sessionCall($, bus, input));
}

/** Registers a session that the bus does not know, as when its SessionStart hook did not run. */
async function register($: Engine, run: SessionCall): Promise<Json> {
  const { call, clientId, input, branch } = run;
  const cwd = await $.session.cwd();
  const name = await branch();
  const root = (await $.session.repo())?.root ?? cwd;
  const title = titleOf(input);
  const ownBranch = name === null || /^(main|master)$/.test(name) ? null : name;
  return call("start_session", {
    client_id: clientId,
    ...machineIn(run),
    name: bounded(ownBranch ?? lastPart(cwd)),
    cwd,
    repo: repoName(root),
    ...(name !== null && { branch: bounded(name) }),
    ...(title !== undefined && { title }),
  });
}

function lastPart(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) || "session";
}

/** The branch of the work tree that a folder lies in. A linked work tree has a file in place of the folder `.git`. */
async function branchOf($: Engine, folder: string): Promise<string | null> {
  for (let at = folder; at !== ""; at = at.replace(/[\\/][^\\/]*$/, "")) {
    const git = `${at}/.git`;
    const link = /^gitdir: (.+)$/m.exec(await textOf($, git))?.[1];
    const head = await textOf($, `${link?.trim() ?? git}/HEAD`);
    if (head !== "") return branchIn(head);
    if (!/[\\/]/.test(at)) break;
  }
  return null;
}
