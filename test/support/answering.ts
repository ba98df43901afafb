import { afterAll } from "bun:test";
import type { TLSOptions } from "bun";
import { startHere } from "./bus.ts";

/** A server that is no bus of ours and answers everything like this; its URL ends without a slash. */
export function startAnswering(
  answer: (request: Request) => Response | Promise<Response>,
  tls?: TLSOptions,
): { url: string } {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer, ...(tls && { tls }) });
  afterAll(() => server.stop(true));
  return { url: server.url.href.replace(/\/$/, "").replace("localhost", "127.0.0.1") };
}

/** The URL of a bus that was there. */
export async function formerUrl(): Promise<string> {
  const bus = await startHere();
  await bus.stop();
  return bus.url;
}

/** What stands for a bus of an older version, which does not know some tools; its URL. */
export function startOlder(bus: string, unknown: readonly string[]): string {
  const older = startAnswering(async (request) => {
    const body = await request.text();
    const { pathname } = new URL(request.url);
    const name = body === "" ? undefined : JSON.parse(body).params?.name;
    if (unknown.includes(name))
      return Response.json({
        jsonrpc: "2.0",
        id: 1,
        error: { code: -32602, message: `Unknown tool: ${name}` },
      });
    const { method, headers } = request;
    const answer = await fetch(new URL(pathname, bus), {
      method,
      headers,
      ...(body !== "" && { body }),
    });
    if (pathname !== "/health") return answer;
    return Response.json(
      { ...((await answer.json()) as object), version: "0.0.1" },
      { status: answer.status },
    );
  });
  return `${older.url}/mcp`;
}
