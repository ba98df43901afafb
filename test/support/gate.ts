import { afterAll } from "bun:test";

/** Where a hook's call stops for good: before the bus gets it, or before the hook gets the answer. `away`: it fails there. */
export interface Stop {
  tool: string;
  /** Which call of that tool, from 1. */
  nth?: number;
  when: "before" | "after" | "away";
}

/** A server between a hook and the bus. */
export interface Gate {
  url: string;
  /** The tools that were called. */
  calls: string[];
  /** A call has come to where it stops. */
  stopped: Promise<void>;
}

export function startGate(bus: { url: string }, stop?: Stop): Gate {
  const calls: string[] = [];
  const { promise: stopped, resolve: hasStopped } = Promise.withResolvers<void>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const body = await request.text();
      const tool = JSON.parse(body).params.name;
      calls.push(tool);
      const stops = tool === stop?.tool && calls.filter((name) => name === tool).length === (stop?.nth ?? 1);
      if (stops && stop?.when === "before") return halt();
      if (stops && stop?.when === "away") return new Response(null, { status: 502 });
      const headers = { "content-type": "application/json", accept: "application/json" };
      const { status, text } = await fetch(bus.url, { method: "POST", headers, body }).then(
        async (answer) => ({
          status: answer.status,
          text: await answer.text(),
        }),
      );
      return stops ? halt() : new Response(text, { status, headers: { "content-type": "application/json" } });
    },
  });
  function halt(): Promise<Response> {
    hasStopped();
    return new Promise(() => {});
  }
  afterAll(() => void server.stop(true));
  return { url: `http://127.0.0.1:${server.port}/mcp`, calls, stopped };
}
