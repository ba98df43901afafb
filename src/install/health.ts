const ASK_MS = 2_000;

/** What is at an address, as far as `/health` tells. */
export type Answer =
  | { kind: "bus"; version: string; uptimeSeconds: number }
  /** It wants a token, or another one. */
  | { kind: "unauthorized" }
  | { kind: "other"; found: string }
  | { kind: "nobody" };

/** Asks what listens at a bus's MCP URL. */
export async function askHealth(url: string, token: string | undefined): Promise<Answer> {
  try {
    const response = await fetch(url.replace(/mcp$/, "health"), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: "manual",
      signal: AbortSignal.timeout(ASK_MS),
      // Bun sends loopback calls through HTTP_PROXY too unless told not to.
      ...({ proxy: false, keepalive: false } as RequestInit),
    });
    const text = await response.text();
    if (response.status === 401 && /agent-event-bus|token/.test(text)) return { kind: "unauthorized" };
    const { service, version, uptime_seconds } = jsonOf(text);
    if (service === "agent-event-bus" && typeof version === "string")
      return { kind: "bus", version, uptimeSeconds: Number(uptime_seconds) };
    return { kind: "other", found: `${response.status} ${response.statusText}`.trim() };
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException;
    if (name === "TimeoutError") return { kind: "other", found: "no answer" };
    if (code === "ConnectionRefused" || code === "ECONNREFUSED") return { kind: "nobody" };
    return { kind: "other", found: "no answer of HTTP" };
  }
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
