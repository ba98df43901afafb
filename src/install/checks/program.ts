import { existsSync, realpathSync } from "node:fs";
import { version } from "../../config/client.ts";
import { quoted } from "../../lib/escape.ts";
import { findProgram, run } from "../../lib/exec.ts";
import { isCompiled, pathHint } from "../binary.ts";
import { isNewer } from "../claude_version.ts";
import { bad, check, note, ok } from "./finding.ts";

/** The installed executable exists, starts, and is not older than this one. */
export const executable = check("executable", async ({ program, install, config }) => {
  if (!existsSync(program)) return bad(`${program} is not there`, install);
  if (isCompiled() && realpathSync(program) === realpathSync(process.execPath))
    return ok(`${program}, version ${version}`);
  const ran = await run([program, "--version"], config);
  const installed = ran.stdout.trim();
  const again = isCompiled() ? install.replace(/^\S+|^'.*?' /, quoted(process.execPath)) : install;
  if (ran.code !== 0) return bad(`${program} does not start: ${ran.stderr.trim()}`, again);
  if (installed === version) return ok(`${program}, version ${version}; this is ${process.execPath}`);
  return isNewer(version, installed)
    ? bad(`${program} is version ${installed}, this one is ${version}`, again)
    : note(`${program} is version ${installed}, this older one is ${version}`);
});

/** A shell finds the installed executable. */
export const onPath = check("PATH", async ({ program, config }) => {
  const hint = pathHint(config);
  if (hint !== undefined) {
    const [, command = ""] = /Run[^:]*: (.*)$/.exec(hint) ?? [];
    return bad(`${config.bin} is not on it: a shell does not find agent-event-bus`, command);
  }
  const first = findProgram("agent-event-bus", config);
  if (first === undefined || first === program || !existsSync(program)) return ok(`${config.bin} is on it`);
  const found = `a shell runs ${first}, which comes before ${program}`;
  return realpathSync(first) === realpathSync(program) ? ok(found) : bad(found, `rm ${quoted(first)}`);
});
