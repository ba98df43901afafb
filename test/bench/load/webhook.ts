import { Connection, post } from "./connection.ts";
import { type Times, timesOf } from "./wake.ts";

/** Again and again on an idle bus: publishes one event; timed is from the publish to the webhook's receiver. */
export interface WebhookJob {
  task: "webhook";
  port: number;
  path: string;
  /** `{n}` stands for the number of the round. */
  body: string;
  /** The receiver listens here. */
  receiver: number;
  /** Before anything is counted: the first delivery loads the client. */
  warm: number;
  rounds: number;
  pauseMs: number;
}

export async function webhook({
  port,
  path,
  body,
  receiver,
  warm,
  rounds,
  pauseMs,
}: WebhookJob): Promise<Times> {
  let arrived: (at: number) => void = () => {};
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: receiver,
    async fetch(request) {
      arrived(performance.now());
      await request.arrayBuffer();
      return new Response(null, { status: 204 });
    },
  });
  const publisher = await Connection.open(port);
  const times: number[] = [];
  for (let n = 0; n < warm + rounds; n++) {
    await Bun.sleep(pauseMs);
    const request = post(path, body.replaceAll("{n}", String(n)));
    const received = new Promise<number>((resolve) => {
      arrived = resolve;
    });
    const sent = performance.now();
    await publisher.call(request);
    const ms = (await received) - sent;
    if (n >= warm) times.push(ms);
  }
  publisher.close();
  server.stop(true);
  return timesOf(times);
}
