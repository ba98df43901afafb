import { existsSync, realpathSync } from "node:fs";
import { quoted } from "../../admin/reason.ts";
import { version } from "../../config/client.ts";
import { pathHint } from "../binary.ts";
import { isNewer } from "../claude_version.ts";
import { findProgram, run } from "../exec.ts";
import { type Check, isCompiled, type Place } from "./facts.ts";

/** The installed executable: whether it is there, starts, and is the newest of those that are here. */
export const executable: Check = {
  what: "executable",
  async look({ program, install, config }) {
    const { what } = executable;
    if (!existsSync(program))
      return { what, state: "bad", found: `${program} is not there`, repair: install };
    if (isCompiled() && realpathSync(program) === realpathSync(process.execPath))
      return { what, state: "ok", found: `${program}, version ${version}` };
    const ran = await run([program, "--version"], config).catch((error) => ({
      code: 1,
      stdout: "",
      stderr: String(error),
    }));
    const installed = ran.stdout.trim();
    const again = isCompiled() ? install.replace(/^\S+|^'.*?' /, quoted(process.execPath)) : install;
    if (ran.code !== 0)
      return { what, state: "bad", found: `${program} does not start: ${ran.stderr.trim()}`, repair: again };
    if (installed === version)
      return { what, state: "ok", found: `${program}, version ${version}; this is ${process.execPath}` };
    return isNewer(version, installed)
      ? {
          what,
          state: "bad",
          found: `${program} is version ${installed}, this one is ${version}`,
          repair: again,
        }
      : { what, state: "note", found: `${program} is version ${installed}, this older one is ${version}` };
  },
};

/** What the installed executable, which hooks run, tells; undefined if there is none that starts. */
export async function installedVersion({ program, config }: Place): Promise<string | undefined> {
  if (!existsSync(program)) return undefined;
  const ran = await run([program, "--version"], config).catch(() => undefined);
  return ran?.code === 0 ? ran.stdout.trim() : undefined;
}

/** Whether a shell finds it. */
export const onPath: Check = {
  what: "PATH",
  async look({ program, config }) {
    const { what } = onPath;
    const hint = pathHint(config);
    if (hint !== undefined) {
      const at = hint.indexOf("Run");
      return {
        ...{ what, state: "bad", found: `${config.bin} is not on it: a shell does not find agent-event-bus` },
        repair: hint.slice(hint.indexOf(": ", at) + 2),
      };
    }
    const first = findProgram("agent-event-bus", config);
    if (first === undefined || first === program || !existsSync(program))
      return { what, state: "ok", found: `${config.bin} is on it` };
    const found = `a shell runs ${first}, which comes before ${program}`;
    return realpathSync(first) === realpathSync(program)
      ? { what, state: "ok", found }
      : { what, state: "bad", found, repair: `rm ${quoted(first)}` };
  },
};
