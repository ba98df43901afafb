import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";

/** What a machine's tailscaled knows. */
export interface Tailnet {
  /** Its own name and address there. */
  name: string;
  address: string;
  /** Whose the machine at an address is; null when it is tagged. */
  peers: Readonly<Record<string, string | null>>;
}

/** A stand-in for the program `tailscale`, which cannot be had without an account. */
export interface StandIn {
  /** The words to run it with, in the network of that machine. */
  program: readonly string[];
  /** The authority that signs for the names of the tailnet, as a file. */
  authority: string;
  /** Ends what `serve --bg` left. */
  stop(): void;
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
  return {
    program: [process.execPath, join(import.meta.dir, "tailscale_program.ts"), folder],
    authority: file("authority.pem"),
    stop() {
      if (!existsSync(file("proxy.pid"))) return;
      try {
        process.kill(Number(readFileSync(file("proxy.pid"), "utf8")));
      } catch {} // It has ended by itself.
    },
  };
}

function certify(folder: string, name: string, options: readonly string[]): void {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"];
  const out = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)];
  const { success, stderr } = Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...out, ...options]);
  if (!success) throw new Error(`openssl: ${stderr}`);
}
