import { machine } from "../../config/client.ts";
import { ConfigError } from "../../config/parse_settings.ts";
import type { ServerConfig } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import type { Caller } from "../../domain/caller.ts";
import type { Tokens } from "../../domain/token.ts";
import { isLoopback } from "../../lib/loopback.ts";
import { createGuard } from "./guard.ts";
import { createPageLogins } from "./page_login.ts";
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
  tokens: Tokens;
  /** The key of the database, which is open before the first request. */
  key(): Uint8Array;
}

export type Access = ReturnType<typeof createAccess>;

/** Decides who may talk to the bus. */
export function createAccess({ config, warn, now, steady, tokens, key }: AccessOptions) {
  const logins = createPageLogins({ key, now });
  /** Called for each request of a caller that is refused after the guard. */
  const refused = createReport(steady, warn);
  return {
    refused,
    logins,
    guard: createGuard({
      ...config,
      ...config.access,
      machine,
      tokens,
      logins,
      whois: createWhois({ socket: config.access.tailscaled, now: steady, warn }),
      refused,
    }),
    shares: new Shares(config.limits, steady),
    /** False once the caller's token is revoked or expired. */
    holds: ({ token }: Caller) => token === undefined || tokens.holds(token),
    endingTokens: () => tokens.ending(),
    /** Logs unsafe settings. */
    warn: () => warnOf(config, tokens, warn),
  };
}

/** @throws ConfigError when other machines could reach the bus and there is no token to tell them from strangers. */
export function expectClosed({ host, access }: ServerConfig, tokens: Tokens): void {
  if (isLoopback(host) || access.open || access.trustHeaders || tokens.list().length > 0) return;
  throw new ConfigError(
    `HOST is ${host}, so other machines can reach the bus, but there is no token yet. Create one with "agent-event-bus token create --name NAME", or set HOST=127.0.0.1 to listen on this machine only.`,
  );
}

function warnOf({ host, access }: ServerConfig, tokens: Tokens, warn: AccessOptions["warn"]): void {
  if (access.open)
    warn(
      `${VARIABLES.authDisabled.name} is set, so every client that reaches the port can read and write everything on the bus`,
    );
  if (access.trustHeaders)
    warn(
      `${VARIABLES.trustHeaders.name} is set, so the bus trusts every Tailscale-User-Login header, from any address`,
    );
  // Reads the folder, which warns of each file that is not a token.
  const known = tokens.list();
  if (isLoopback(host) || access.open || access.trustHeaders) return;
  if (known.every((token) => token.state !== "valid"))
    warn("every token has expired or been revoked, so other machines need a tailnet login");
}
