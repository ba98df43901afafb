import { afterAll } from "bun:test";
import { join } from "node:path";
import { serverConfig } from "../../src/config/server.ts";
import { mayAnswer, type Refused, tellAttempt } from "../../src/domain/answering.ts";
import type { Caller } from "../../src/domain/caller.ts";
import type { Bus } from "../../src/domain/context.ts";
import { createApp } from "../../src/http/app.ts";
import type { Route } from "../../src/http/routes.ts";
import { createClock } from "../../src/lib/steady_clock.ts";
import { listen } from "../../src/runtime/runtime.ts";
import { createBus } from "../../src/serve/wiring.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { silent, startHere, type TestBus } from "./bus.ts";
import { guardAt } from "./identity.ts";

/** What such a route finds out about its caller. */
export interface Proved {
  process: Caller["process"];
  refused: Pick<Refused, "reason" | "by" | "culprit"> | null;
}

export interface ProofBus extends TestBus {
  /** The bus that handlers see. */
  bus: Bus;
  /** A route that proves who is at the other end. */
  proof: string;
  /** One that does not. */
  unproved: string;
  /** The Unix socket of both. */
  socket: string;
  now: { ms: number };
}

/** A bus with routes of its own, on the real guard, that tell who asks and whether they may answer for the user. */
export async function startProofBus(hostname = "127.0.0.1"): Promise<ProofBus> {
  const own = await startHere();
  const clock = { ms: Date.now() };
  const now = () => clock.ms;
  const { bus } = createBus({
    ...{ config: serverConfig({ db: own.db, port: "0" }, {}, {}), store: own.server.store, log: silent },
    ...{ now, clock: createClock(now, 1), allowedNetworks: [], ownPort: () => 0, holds: () => true },
    endingTokens: () => [],
  });
  const handle: Route["handle"] = async (_, caller) => {
    const refused = await mayAnswer(bus, caller);
    if (refused !== null) await tellAttempt(bus, refused, "answer 7 allow");
    const { session: _session, ...told } = refused ?? {};
    return Response.json({ process: caller.process, refused: refused && told });
  };
  const route = { method: "POST", policy: "any", body: "json", handle } as const;
  const app = createApp({
    routes: [
      { ...route, path: "/proof", proves: "process" },
      { ...route, path: "/unproved" },
    ],
    guard: guardAt({ tokens: openTokens(own.db, Date.now), host: hostname }),
    refused() {},
    unexpected(error) {
      throw error;
    },
  });
  const listening = await listen(app, { hostname, port: 0, maxBodyBytes: 1024 });
  afterAll(() => listening.stop(true));
  const socket = join(own.folder, "proof.sock");
  await listening.addSocket(socket);
  const at = `http://127.0.0.1:${listening.port}`;
  return { ...own, bus, now: clock, proof: `${at}/proof`, unproved: `${at}/unproved`, socket };
}
