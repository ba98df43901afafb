import { Connection, tool } from "./connection.ts";

/** Holds waiting calls open, renewing each that ends, until its stdin closes. */
export interface HoldJob {
  task: "hold";
  port: number;
  waiters: number;
  waitSeconds: number;
}

export async function hold({ port, waiters, waitSeconds }: HoldJob): Promise<{ held: number }> {
  const request = tool("get_events", { channel: "nothing", wait_seconds: waitSeconds });
  let over = false;
  const holding = Array.from({ length: waiters }, async () => {
    const connection = await Connection.open(port);
    while (!over) await connection.call(request).catch(() => (over = true));
  });
  console.log("holding");
  for await (const _ of Bun.stdin.stream());
  over = true;
  return { held: holding.length };
}
