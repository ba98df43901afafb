import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { processStart } from "../../src/lib/process.ts";
import { Claude, findClaude } from "../claude-code/client.ts";
import { type Account, newAccount, type Typed } from "./account.ts";
import { removeFolders } from "./folder.ts";
import { type Manager, systemctlStub } from "./managers.ts";
import { layWire, noNamespaces, removeWires, type Wire } from "./netns.ts";
import { post, readAnswer } from "./raw.ts";
import { call, type Headers } from "./strangers.ts";
import { noStandIn, type StandIn, startTailnet } from "./tailscale.ts";
import { eventually } from "./webhook.ts";

/** The names that the pages use for the bus's machine. */
export const HOSTS = { "my-server": "10.77.0.1", "my-server.my-tailnet.ts.net": "100.64.0.1" };
const SERVED = "my-server.my-tailnet.ts.net";
/** Machines of the tailnet that the other one can be, and their logins. */
const PEERS = {
  mine: ["100.64.0.2", "me@example.com"],
  eves: ["100.64.0.3", "eve@example.com"],
  tagged: ["100.64.0.4", null],
} as const;

const claude = await findClaude();
/** Why there cannot be two such machines here; null when there can. */
export const noMachines = noNamespaces ?? noStandIn ?? (claude === undefined ? "no Claude Code" : null);

/** The bus's machine and another one, on one cable and in one tailnet. */
export interface Machines {
  wire: Wire;
  /** A new account on the bus's machine, which may have the executable only; `tailscale` serves nothing there. */
  newServer(has: "bus" | "executable"): Promise<Account>;
  /** A new account on the other one, which can copy from that of the server. */
  newClient(hostname: string, server: Account): Account;
  /** From now on the other one is that machine of the tailnet. */
  be(peer: keyof typeof PEERS): void;
  /** Publishes an event through the tailnet as a program of its own does; returns the status. */
  knock(path: string, payload: string, headers?: Headers): Promise<number>;
  /** Ends what runs on the bus's machine. */
  stop(): Promise<void>;
  /** Takes everything away. */
  remove(): Promise<void>;
}

export async function startMachines(): Promise<Machines> {
  const networks = [
    ["10.77.0.1/24", "10.77.0.2/24"],
    ["100.64.0.1/24", "100.64.0.2/24"],
  ] as const;
  const wire = await layWire(networks, HOSTS);
  for (const [address] of [PEERS.eves, PEERS.tagged])
    wire.client.ip("address", "add", `${address}/24`, "dev", "cable");
  const peers = Object.fromEntries(Object.values(PEERS));
  const tailnet = startTailnet({ name: SERVED, address: HOSTS[SERVED], peers });
  const accounts = accountsOf(wire, tailnet);
  return {
    ...accounts,
    wire,
    be: (peer) => wire.client.ip("route", "replace", "100.64.0.0/24", "dev", "cable", "src", PEERS[peer][0]),
    async knock(path, payload, headers = {}) {
      const socket = await wire.client.hold(SERVED, 443, "");
      const secure = connect({ socket, servername: SERVED, ca: readFileSync(tailnet.authority) });
      const body = call("publish_event", { event_type: "note", payload });
      secure.write(post(body, { host: SERVED, ...headers }, `POST ${path} HTTP/1.1`));
      const { status } = await readAnswer(secure);
      secure.destroy();
      return status;
    },
    async remove() {
      await accounts.stop();
      removeWires();
      removeFolders();
    },
  };
}

const LINK = "mkdir -p .local/bin && ln agent-event-bus .local/bin/";

function accountsOf(wire: Wire, tailnet: StandIn): Pick<Machines, "stop" | "newServer" | "newClient"> {
  const { HOME: _, PATH: __, ...clean } = new Claude(claude ?? "", "").env;
  const programs = { claude: [claude ?? ""], loginctl: ["echo", "yes"] };
  let manager: Manager | undefined;
  const stop = async () => {
    await tailnet.reset();
    const pid = manager?.pid();
    manager?.kill();
    // Its port is taken until it has ended.
    if (pid !== undefined) await eventually(`the end of process ${pid}`, () => processStart(pid) === null);
  };
  return {
    stop,
    async newServer(has) {
      await stop();
      manager = systemctlStub(true);
      const server = newAccount({
        ...{ at: wire.server, hostname: "my-server", env: clean, folders: [manager.folder] },
        programs: { ...programs, tailscale: tailnet.program },
      });
      const install = has === "bus" ? "./agent-event-bus install server" : LINK;
      expectWell(await server.type(install));
      return server;
    },
    newClient(hostname, server) {
      const copy = `cp --remove-destination "${server.home}/\${1#my-server:}" "$2"`;
      const env = { ...clean, NODE_EXTRA_CA_CERTS: tailnet.authority };
      const all = { ...programs, tailscale: tailnet.peerProgram, scp: ["sh", "-c", copy, "scp"] };
      return newAccount({ at: wire.client, hostname, env, programs: all });
    },
  };
}

/** A failure shows what was printed. */
export function expectWell(typed: Typed): void {
  expect(typed).toEqual({ shown: expect.anything(), code: 0 });
}
