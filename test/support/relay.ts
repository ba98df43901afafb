// Run inside a network namespace: carries each connection to its unix socket, which every namespace reaches, on to the
// address in the connection's first line, "HOST PORT". Ends with its standard input.
import { connect, createServer, type Socket } from "node:net";

createServer((from) => {
  let head = "";
  const read = (chunk: Buffer) => {
    head += chunk.toString("latin1");
    const end = head.indexOf("\n");
    if (end < 0) return;
    from.off("data", read);
    const [host = "", port] = head.slice(0, end).split(" ");
    const to = connect({ host, port: Number(port) });
    to.write(Buffer.from(head.slice(end + 1), "latin1"));
    join(from, to);
    join(to, from);
  };
  from.on("data", read);
  from.on("error", () => {});
}).listen(String(process.argv[2]), () => console.log("ready"));

function join(one: Socket, other: Socket): void {
  one.on("data", (chunk) => void other.write(chunk));
  one.on("error", () => {});
  one.on("close", () => other.destroy());
}

process.stdin.resume();
process.stdin.on("end", () => process.exit());
