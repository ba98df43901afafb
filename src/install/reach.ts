/** What answers at a bus's URL. */
export type Probe =
  | {
      kind: "bus";
      version: string;
      uptimeSeconds: number;
      status: "ok" | "degraded";
      reason?: string;
      clockSkewMs: number;
    }
  /** The Python original, which tells no version. */
  | { kind: "original" }
  /** A bus that wants a token, or another one. */
  | { kind: "unauthorized"; sentence: string }
  | { kind: "stranger"; found: string }
  | { kind: "nobody"; sentence: string };

/** Asks a bus at its MCP URL (`…/mcp`; /health stands beside it) who it is; never throws for what answers. */
export async function probe(_url: string, _token: string | undefined): Promise<Probe> {
  throw new Error("not built");
}
