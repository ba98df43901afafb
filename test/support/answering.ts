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
