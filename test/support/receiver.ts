export interface Delivery {
  path: string;
  headers: Headers;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  json: any;
  /** performance.now() */
  received: number;
}

export interface Receiver {
  url(path?: string): string;
  /** Everything that arrived at a path, in order. */
  at(path: string): Delivery[];
  /** Resolves when a path has got that many deliveries. */
  until(path: string, count: number, ms?: number): Promise<Delivery[]>;
  stop(): void;
}

/** A webhook endpoint that records what it gets; `answer` decides on the status. */
export function receiver(
  answer: (path: string, delivery: Delivery) => Response | Promise<Response> = () =>
    new Response(null, { status: 204 }),
): Receiver {
  const got: Delivery[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const body = await request.text();
      const received = performance.now();
      const delivery = { path, headers: request.headers, body, json: JSON.parse(body), received };
      got.push(delivery);
      return answer(path, delivery);
    },
  });
  const at = (path: string) => got.filter((delivery) => delivery.path === path);
  return {
    url: (path = "/") => `http://127.0.0.1:${server.port}${path}`,
    at,
    async until(path, count, ms = 30_000) {
      const deadline = performance.now() + ms;
      while (at(path).length < count) {
        if (performance.now() > deadline)
          throw new Error(`${path} got ${at(path).length} of ${count} deliveries in ${ms} ms`);
        await Bun.sleep(5);
      }
      return at(path);
    },
    stop: () => void server.stop(true),
  };
}
