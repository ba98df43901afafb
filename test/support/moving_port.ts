import { connect, createServer, type Socket } from "node:net";

/** A port that leads to another one, as the name of a database server does. */
export interface MovingPort {
  port: number;
  /** Leads new connections there. Those that are open stay where they are. */
  moveTo(port: number): void;
  stop(): void;
}

export async function movingPort(port: number, to: number): Promise<MovingPort> {
  const open = new Set<Socket>();
  let target = to;
  const server = createServer((from) => {
    const onward = connect(target, "127.0.0.1");
    for (const [one, other] of [
      [from, onward],
      [onward, from],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => {});
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port,
    moveTo(other) {
      target = other;
    },
    stop() {
      server.close();
      for (const one of open) one.destroy();
    },
  };
}
