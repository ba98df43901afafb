import { afterAll } from "bun:test";

/** How a relay changes what passes it. */
export interface Change {
  /** The clock of the bus is so far ahead. */
  aheadMs?: number;
  /** Changes the text of an answer. */
  answer?(text: string, path: string): string;
  /** Answers in the bus's place; undefined lets the call pass. */
  instead?(tool: string | undefined): Response | Promise<Response> | undefined;
}

/** A server before a bus, which hands every request on. */
export interface BusRelay {
  url: string;
  port: number;
  change: Change;
  /** The tools that were called. */
  calls: string[];
  stop(): void;
}

export function startRelay(bus: { url: string }, change: Change = {}, port = 0): BusRelay {
  const calls: string[] = [];
  const target = new URL(bus.url);
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = request.method === "POST" ? await request.text() : undefined;
      const tool = body === undefined ? undefined : JSON.parse(body).params?.name;
      if (tool !== undefined) calls.push(tool);
      const instead = self.change.instead?.(tool);
      if (instead !== undefined) return instead;
      const headers = new Headers(request.headers);
      headers.set("host", target.host);
      const answer = await fetch(new URL(pathname, target), {
        method: request.method,
        headers,
        ...(body && { body }),
      });
      const text = await answer.text();
      const date = new Date(Date.now() + (self.change.aheadMs ?? 0)).toUTCString();
      return new Response(self.change.answer?.(text, pathname) ?? text, {
        status: answer.status,
        headers: { "content-type": answer.headers.get("content-type") ?? "", date },
      });
    },
  });
  afterAll(() => void server.stop(true));
  const self: BusRelay = {
    url: `http://127.0.0.1:${server.port}/mcp`,
    port: Number(server.port),
    change,
    calls,
    stop: () => void server.stop(true),
  };
  return self;
}
