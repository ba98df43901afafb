import { closed } from "./closed.ts";

/** Publishes events as fast as the bus takes them, and times until the receiver of a webhook has them all. */
export interface FloodJob {
  task: "flood";
  port: number | readonly number[];
  path: string;
  body: string;
  connections: number;
  /** At least so many events. */
  count: number;
  /** The receiver listens here. */
  receiver: number;
}

export interface FloodResult {
  count: number;
  /** Deliveries a second, from the first publish to the last delivery. */
  rate: number;
}

const MOST_MS = 120_000;

export async function flood({ count, receiver, body, ...job }: FloodJob): Promise<FloodResult> {
  let got = 0;
  let at = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: receiver,
    async fetch(request) {
      await request.arrayBuffer();
      got++;
      at = performance.now();
      return new Response(null, { status: 204 });
    },
  });
  const began = performance.now();
  const load = { bodies: [body], expects: "event_id", warmMs: 0, ms: MOST_MS, most: count };
  const sent = await closed({ ...job, ...load, task: "closed" });
  while (got < sent.count && performance.now() - began < MOST_MS) await Bun.sleep(1);
  server.stop(true);
  if (got < sent.count) throw new Error(`${got} of ${sent.count} deliveries arrived in time`);
  return { count: got, rate: got / ((at - began) / 1000) };
}
