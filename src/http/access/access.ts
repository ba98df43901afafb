import { ConfigError, machine } from "../../config/client.ts";
import type { ServerConfig } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import type { Caller } from "../../domain/caller.ts";
import { isLoopback } from "../../lib/loopback.ts";
import { openTokens, type TokenStore } from "../../tokens/token_files.ts";
import { createGuard } from "./guard.ts";
import { createReport } from "./refusal.ts";
import { Shares } from "./shares.ts";
import { createWhois } from "./tailscale.ts";

export interface AccessOptions {
  config: ServerConfig;
  warn(message: string): void;
  /** Wall clock (ms), for the expiry of tokens. */
  now(): number;
  /** Never jumps (ms). */
  steady(): number;
}

export type Access = ReturnType<typeof createAccess>;

/**
 * Decides who may talk to the bus.
 * @throws ConfigError when other machines could reach the bus and there is no token to tell them from strangers.
 */
export function createAccess({ config, warn, now, steady }: AccessOptions) {
  const tokens = openTokens(config.db, now, steady);
  expectClosed(config, tokens);
  /** Called for each request of a caller that is refused after the guard. */
  const refused = createReport(steady, warn);
  return {
    refused,
    guard: createGuard({
      ...config,
      ...config.access,
      machine: machine(),
      tokens,
      whois: createWhois({ socket: config.access.tailscaled, now: steady, warn }),
      refused,
    }),
    shares: new Shares(config.limits, steady),
    /** False once the caller's token is revoked or expired. */
    holds: ({ token }: Caller) => token === undefined || tokens.holds(token),
    /** Logs unsafe settings. */
    warn: () => warnOf(config, tokens, warn),
  };
}

function expectClosed({ host, access }: ServerConfig, tokens: TokenStore): void {
  if (isLoopback(host) || access.open || access.trustHeaders || tokens.list().length > 0) return;
  throw new ConfigError(
    `HOST is ${host}, which other machines reach, but there is no token that would tell them from strangers. Make one with: agent-event-bus token create --name NAME. Or listen on this machine only: HOST=127.0.0.1.`,
  );
}

function warnOf({ host, access }: ServerConfig, tokens: TokenStore, warn: AccessOptions["warn"]): void {
  if (access.open)
    warn(
      `${VARIABLES.authDisabled.name} is set: everyone who reaches the port may read and write everything on the bus`,
    );
  if (access.trustHeaders)
    warn(
      `${VARIABLES.trustHeaders.name} is set: whoever sends a Tailscale-User-Login header is believed, from any address`,
    );
  for (const file of tokens.broken()) warn(`${file} is no token: it lets nobody in`);
  if (isLoopback(host) || access.open || access.trustHeaders) return;
  if (tokens.list().every((token) => token.state !== "valid"))
    warn("every token is expired or revoked: other machines get in by their tailnet login only");
}
