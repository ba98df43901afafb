import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "../../src/lib/process.ts";
import { tempFolder } from "./folder.ts";

/** What a machine's tailscaled knows. */
export interface Tailnet {
  /** Its own name and address there. */
  name: string;
  address: string;
  /** Whose the machine at an address is; null when it is tagged. */
  peers: Readonly<Record<string, string | null>>;
}

/** A stand-in for the program `tailscale`, which does nothing without an account. */
export interface StandIn {
  /** The words to run it with, in the network of that machine. */
  program: readonly string[];
  /** The same on the machine of a peer. */
  peerProgram: readonly string[];
  /** The authority that signs for the names of the tailnet, as a file. */
  authority: string;
  /** Ends what `serve --bg` left, and forgets it. */
  reset(): Promise<void>;
}

/** Why the stand-in cannot be had here; null when it can. */
export const noStandIn = Bun.which("openssl") === null ? "no command openssl" : null;

export function startTailnet(tailnet: Tailnet): StandIn {
  const folder = tempFolder(true);
  const file = (name: string) => join(folder, name);
  writeFileSync(file("tailnet.json"), JSON.stringify(tailnet));
  writeFileSync(file("mounts.json"), "{}");
  certify(folder, "authority", ["-subj", "/CN=Authority of a test"]);
  certify(folder, "cert", [
    ...["-CA", file("authority.pem"), "-CAkey", file("authority.key"), "-subj", `/CN=${tailnet.name}`],
    ...["-addext", `subjectAltName=DNS:${tailnet.name}`, "-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  const program = [process.execPath, join(import.meta.dir, "tailscale_program.ts"), folder];
  return {
    program,
    peerProgram: [...program, "--peer"],
    authority: file("authority.pem"),
    async reset() {
      writeFileSync(file("mounts.json"), "{}");
      const running = runningProxy(folder);
      if (running !== undefined) process.kill(running, "SIGKILL");
      while (runningProxy(folder) !== undefined) await Bun.sleep(5);
    },
  };
}

/** The process that `serve --bg` left. */
export function runningProxy(folder: string): number | undefined {
  const noted = join(folder, "proxy.pid");
  const pid = existsSync(noted) ? Number(readFileSync(noted, "utf8")) : 0;
  return pid > 0 && processStart(pid) !== null ? pid : undefined;
}

function certify(folder: string, name: string, options: readonly string[]): void {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"];
  const out = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)];
  const { success, stderr } = Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...out, ...options]);
  if (!success) throw new Error(`openssl: ${stderr}`);
}
