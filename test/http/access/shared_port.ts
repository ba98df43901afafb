// Run in a network of its own: two connections from one port, to two servers. Prints how many sockets the bus finds for one.
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { socketsOf } from "../../../src/http/access/peer_sockets.ts";

writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001");

function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
  });
}

const [one, other] = [30_001, 30_002];
for (const port of [one, other])
  await new Promise<void>((resolve) => createServer(() => {}).listen(port, "127.0.0.1", resolve));
const socket = await open(one);
const others = [await open(other), await open(other)];
const address = "127.0.0.1";
const port = Number(socket.localPort);
const found = async (to?: number) => (await socketsOf({ address, port, to })).size;
const shared = others.filter(({ localPort }) => localPort === port).length;
console.log(
  JSON.stringify({ shared, any: await found(), exact: await found(one), elsewhere: await found(9) }),
);
process.exit(0);
