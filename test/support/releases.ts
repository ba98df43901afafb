import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildBinary } from "../../build/binary.ts";

const root = resolve(import.meta.dir, "../..");

/** Builds an executable of another version from these sources, changed by `change`; returns its path. */
export async function buildRelease(
  folder: string,
  version: string,
  change: (sources: string) => void = () => {},
): Promise<string> {
  const sources = join(folder, `sources-${version}`);
  mkdirSync(sources);
  for (const name of ["src", "launchd", "systemd", "tsconfig.json", "LICENSE"])
    cpSync(join(root, name), join(sources, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  writeFileSync(join(sources, "package.json"), JSON.stringify({ ...manifest, version }));
  change(sources);
  const outfile = join(folder, `agent-event-bus-${version}`);
  return buildBinary({ entry: join(sources, "src/main.ts"), outfile });
}
