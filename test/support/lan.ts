import { openTokens } from "../../src/tokens/token_files.ts";
import { type ProcessBus, startBus } from "./bus.ts";
import { cli } from "./cli.ts";
import { removeFolders, tempFolder } from "./folder.ts";
import { layWire, noNamespaces, removeWires, type Wire } from "./netns.ts";
import type { Headers } from "./strangers.ts";
import { startTailscaled, type Tailscaled } from "./tailscaled.ts";

/** The compiled bus on one machine, another machine on the same wire, and the tokens they have. */
export interface Lan {
  wire: Wire;
  bus: ProcessBus;
  tailscaled: Tailscaled;
  /** Tokens by their names; `expired` and `revoked` are what they say, `hash` and `start` are parts of laptop's. */
  secrets: Readonly<Record<string, string>>;
  /** The header for a token of that name, or for the text itself. */
  bearer(name: string): Headers;
  /** Starts the bus again, on another port. */
  restart(): Promise<void>;
}

export interface LanOptions {
  networks: readonly (readonly [server: string, client: string])[];
  /** Logins of the tailnet by address. */
  owners?: Readonly<Record<string, string>>;
  env: Record<string, string>;
}

/** Says on the console why tests on a wire are skipped; whether they are. */
export function skipsLan(what: string): boolean {
  if (noNamespaces !== null) console.log(`skipped: ${what}, ${noNamespaces}`);
  return noNamespaces !== null;
}

/** Lays the wire and starts the bus in a hook; `closeLan` takes all of it away. */
export async function startLan({ networks, owners = {}, env }: LanOptions): Promise<Lan> {
  const wire = await layWire(networks);
  const tailscaled = startTailscaled(owners);
  const folder = tempFolder(true);
  const secrets = await makeTokens(`${folder}/data.db`);
  const start = () =>
    startBus("binary", {
      ...{ folder, inside: wire.server.inside, outlives: true },
      env: { AGENT_EVENT_BUS_TAILSCALED: tailscaled.socket, ...env },
    });
  const lan: Lan = {
    ...{ wire, tailscaled, secrets, bus: await start() },
    bearer: (name) => ({ authorization: `Bearer ${secrets[name] ?? name}` }),
    async restart() {
      await lan.bus.kill();
      lan.bus = await start();
    },
  };
  return lan;
}

/** Also for one that could not be started. */
export async function closeLan(lan: Lan | undefined): Promise<void> {
  await lan?.bus.kill();
  lan?.tailscaled.stop();
  removeWires();
  removeFolders();
}

async function makeTokens(db: string): Promise<Record<string, string>> {
  const laptop = await createToken(db, "laptop");
  const ci = await createToken(db, "ci", "--scope", "publish");
  const read = await createToken(db, "read", "--scope", "read", "--expires", "90d");
  const revoked = await createToken(db, "revoked");
  await cli(["token", "revoke", "revoked", "--db", db], { kind: "binary" });
  const tokens = openTokens(db, Date.now);
  const expired = String(tokens.create("expired", "full", 1)?.secret);
  const hash = String(tokens.list().find(({ name }) => name === "laptop")?.hash);
  return { laptop, ci, read, revoked, expired, hash, start: laptop.slice(0, -1) };
}

/** Makes a token as a person does and returns it. */
export async function createToken(db: string, name: string, ...more: string[]): Promise<string> {
  const made = await cli(["token", "create", "--name", name, "--db", db, "--json", ...more], {
    kind: "binary",
  });
  return made.json().token;
}
