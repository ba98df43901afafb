import { listenRequest } from "../../support/listening.ts";
import { post } from "./connection.ts";

/** Opens streams of `subscriptions/listen`, all for the inbox of one session. */
export interface ListenJob {
  task: "listen";
  port: number;
  streams: number;
  uri: string;
}

export async function listen({ port, streams, uri }: ListenJob): Promise<{ held: number }> {
  const { body, headers } = listenRequest([uri]);
  const request = post("/mcp", JSON.stringify(body), headers);
  const open = Array.from({ length: streams }, () => acknowledged(port, request));
  await Promise.all(open);
  console.log("holding");
  for await (const _ of Bun.stdin.stream());
  return { held: open.length };
}

async function acknowledged(port: number, request: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    ...{ hostname: "127.0.0.1", port },
    socket: {
      data: (_socket, chunk) => {
        const text = chunk.toString();
        if (text.includes("acknowledged")) resolve();
        else if (!text.startsWith("HTTP/1.1 200")) reject(new Error(text));
      },
      close: () => reject(new Error("the bus closed a stream")),
    },
  });
  socket.write(request);
  await promise;
}
