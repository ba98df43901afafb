import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";

/** The executable in a wrapper that notes each of its starts as a hook. `starts`: the hooks' names, in order. */
export function noted(): { program: string; starts(): string[] } {
  const folder = join(tempFolder(true), "bin");
  const [program, notes] = [join(folder, "agent-event-bus"), join(folder, "starts")];
  mkdirSync(folder);
  writeFileSync(program, `#!/bin/sh\necho "$2" >>'${notes}'\nexec '${binary}' "$@"\n`);
  chmodSync(program, 0o755);
  const starts = () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []);
  return { program, starts };
}
