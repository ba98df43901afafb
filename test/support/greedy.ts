// Run by itself: abuses a bus with one token until it is ended. Arguments: port, token, the abuse.
import { connect, type Socket } from "node:net";

const [port = "", token = "", abuse = ""] = process.argv.slice(2);

function head(bytes: number, more: string[] = []): string {
  return [
    "POST /mcp HTTP/1.1",
    "host: 127.0.0.1",
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    `authorization: Bearer ${token}`,
    `content-length: ${bytes}`,
    ...more,
    "\r\n",
  ].join("\r\n");
}

function body(tool: string, args: object): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: tool, arguments: args },
  });
}

const request = (text: string) => head(Buffer.byteLength(text)) + text;

/** Opens a connection, and another one whenever it ends. */
function keep(open: (socket: Socket) => void, reads = true): void {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  socket.on("connect", () => open(socket));
  if (reads) socket.resume();
  else socket.pause();
  // Not at once: what the system itself does for a new connection is not what is under test.
  socket.on("close", () => setTimeout(() => keep(open, reads), 1_000));
}

/** Sends the same again whenever an answer begins. */
function repeats(text: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(text);
    let at = 0;
    socket.on("data", () => {
      if (performance.now() - at < 5) return;
      at = performance.now();
      socket.write(text);
    });
  };
}

const MB = 1024 * 1024;
const large = body("publish_event", { event_type: "t", payload: "x".repeat(4 * MB - 1_000) });
const event = (size: number) => body("publish_event", { event_type: "greedy", payload: "x".repeat(size) });

/** What each abuse keeps open, and how often. */
const ABUSES: Readonly<
  Record<string, readonly [count: number, open: (socket: Socket) => void, reads?: boolean]>
> = {
  "dripping bodies": [
    2_048,
    (socket) => {
      socket.write(head(1_000));
      const timer = setInterval(() => (socket.writable ? socket.write(" ") : clearInterval(timer)), 1_000);
    },
  ],
  "bodies of 4 MB": [400, (socket) => void socket.write(request(large))],
  "bodies of 4 MB that stop before their end": [
    400,
    (socket) => void socket.write(request(large).slice(0, -10)),
  ],
  waits: [
    1_100,
    (socket) => void socket.write(request(body("get_events", { channel: "nothing", wait_seconds: 300 }))),
  ],
  "answers of 4 MB that are not read": [
    600,
    (socket) => void socket.write(request(body("get_events", { cursor: "0", order: "asc", limit: 1_000 }))),
    false,
  ],
  "many publishes": [64, repeats(request(event(10)))],
  "large publishes": [32, repeats(request(event(900_000)))],
  "many reads": [64, repeats(request(body("get_events", { limit: 50 })))],
  "large reads": [64, repeats(request(body("get_events", { cursor: "0", order: "asc", limit: 1_000 })))],
  "lists of sessions": [64, repeats(request(body("list_sessions", {})))],
};

const [count, open, reads] = ABUSES[abuse] ?? [];
if (count === undefined || open === undefined) throw new Error(`no abuse: ${abuse}`);
for (let i = 0; i < count; i++) {
  keep(open, reads);
  if (i % 50 === 49) await Bun.sleep(20);
}
console.log("all open");
