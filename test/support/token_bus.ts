import type { Scope } from "../../src/domain/caller.ts";
import { type ProcessBus, startBus } from "./bus.ts";
import { newToken } from "./engine.ts";
import { tempFolder } from "./folder.ts";

/** A compiled bus that wants a token from everyone, and makes them; started in a hook. */
export type TokenBus = ProcessBus & { token(name: string, scope?: Scope, ms?: number): string };

export async function startTokenBus(): Promise<TokenBus> {
  const folder = tempFolder(true);
  const env = { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" };
  const bus = await startBus("binary", { folder, outlives: true, env });
  return Object.assign(bus, {
    token: (name: string, scope: Scope = "full", ms?: number) =>
      String(newToken(bus.db, name, scope, ms ?? null)),
  });
}
