// In the place of the program `tailscale` and of the proxy that its `serve --bg` leaves behind. It does what the documentation
// and the sources of the real one say (cmd/tailscale/cli/serve_v2.go, ipn/ipnlocal/serve.go), for one proxied path over HTTPS.
// Words: the folder of startTailnet, --peer on a machine that serves nothing, then what was typed after `tailscale`.
import { readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join, posix } from "node:path";
import type { TLSSocket } from "node:tls";
import { runningProxy, type Tailnet } from "./tailscale.ts";

/** Paths and where they lead. */
type Mounts = Record<string, string>;

const [folder = "", ...words] = process.argv.slice(2);
const file = (name: string) => join(folder, name);
const json = <T>(name: string): T => JSON.parse(readFileSync(file(name), "utf8"));

const HOP_BY_HOP =
  /^(connection|proxy-connection|keep-alive|proxy-authenticate|proxy-authorization|te|trailers?|transfer-encoding|upgrade)$/i;
// Go's ReverseProxy takes away the first four, serve the others; whatever else starts with Tailscale- passes.
const REMOVED =
  /^(forwarded|x-forwarded-(for|host|proto)|tailscale-(user-(login|name|profile-pic)|funnel-request|headers-info|app-capabilities))$/i;

if (words[0] === "--proxy") startProxy();
else if (words.at(-2) === "status" && words.at(-1) === "--json") status();
else await serve();

function status(): void {
  const { name } = json<Tailnet>("tailnet.json");
  const server = { DNSName: `${name}.`, Online: true };
  const there = {
    Self: { DNSName: `laptop.${name.replace(/^.*?\./, "")}.`, Online: true },
    Peer: { key: server },
  };
  console.log(
    JSON.stringify({ BackendState: "Running", ...(words[0] === "--peer" ? there : { Self: server }) }),
  );
}

async function serve(): Promise<void> {
  const [verb, bg, setPath, path = "", target = "", ...more] = words;
  const known = verb === "serve" && bg === "--bg" && setPath === "--set-path" && more.length === 0;
  if (!known) refuse("error: invalid argument format");
  if (!path.startsWith("/")) refuse(`error: failed to clean the mount point: ${path}`);
  if (!/^http:\/\/(127\.0\.0\.1|localhost):\d+\/?$/.test(target))
    refuse("error: only localhost or 127.0.0.1 proxies are supported");
  const mounts: Mounts = { ...json<Mounts>("mounts.json"), [posix.normalize(path)]: target };
  const { name } = json<Tailnet>("tailnet.json");
  writeFileSync(file("mounts.json"), JSON.stringify(mounts));
  await inBackground();
  console.log(`Available within your tailnet:\n\nhttps://${name}${path}\n|-- proxy ${target}\n
Serve started and running in the background.
To disable the proxy, run: tailscale serve --https=443 off`);
}

function refuse(sentence: string): never {
  console.error(`${sentence}\ntry \`tailscale serve --help\` for usage info`);
  process.exit(1);
}

async function inBackground(): Promise<void> {
  if (runningProxy(folder) !== undefined) return;
  const proxy = Bun.spawn([process.execPath, import.meta.path, folder, "--proxy"], {
    stdio: ["ignore", "pipe", Bun.file(file("proxy.err"))],
    detached: true,
  });
  let said = "";
  for await (const chunk of proxy.stdout) {
    said += new TextDecoder().decode(chunk);
    break;
  }
  if (said === "") refuse(`error: ${readFileSync(file("proxy.err"), "utf8")}`);
  writeFileSync(file("proxy.pid"), String(proxy.pid));
  proxy.unref();
}

function startProxy(): void {
  const { name, address } = json<Tailnet>("tailnet.json");
  const certificate = { key: readFileSync(file("cert.key")), cert: readFileSync(file("cert.pem")) };
  createServer(certificate, (asked, answer) => {
    const served = (asked.socket as TLSSocket & { servername?: string }).servername === name;
    const [path = "", ...query] = (asked.url ?? "").split(/(?=\?)/);
    const mount = served && path.startsWith("/") ? mountOf(path) : undefined;
    if (mount === undefined) answer.writeHead(404).end("404 page not found\n");
    else handOn(asked, answer, mount.target, `${path.slice(mount.path.length) || "/"}${query.join("")}`);
  }).listen(443, address, () => console.log("ready"));
}

/** The mount at that path, or at the nearest folder above it. */
function mountOf(pathname: string): { path: string; target: string } | undefined {
  const mounts = json<Mounts>("mounts.json");
  for (let path = posix.normalize(pathname); ; path = posix.dirname(path)) {
    const target = mounts[path];
    if (target !== undefined) return { path: path === "/" ? "" : path, target };
    if (path === "/") return undefined;
  }
}

function handOn(asked: IncomingMessage, answer: ServerResponse, target: string, path: string): void {
  const { hostname, port } = new URL(target);
  const onward = request(
    { hostname, port, path, method: asked.method, headers: headersOf(asked) },
    (answered) => {
      const kept = pairs(answered.rawHeaders).filter(([name]) => !HOP_BY_HOP.test(name));
      answer.writeHead(answered.statusCode ?? 502, grouped(kept));
      answered.pipe(answer);
    },
  );
  onward.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  answer.on("close", () => onward.destroy());
  asked.pipe(onward);
}

function headersOf(asked: IncomingMessage): Record<string, string | string[]> {
  const { peers } = json<Tailnet>("tailnet.json");
  const address = asked.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
  const connection = (asked.headers.connection ?? "").toLowerCase().split(/\s*,\s*/);
  const kept = pairs(asked.rawHeaders).filter(
    ([name]) => !HOP_BY_HOP.test(name) && !REMOVED.test(name) && !connection.includes(name.toLowerCase()),
  );
  const login = peers[address];
  return {
    ...grouped(kept),
    "X-Forwarded-Host": asked.headers.host ?? "",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": address,
    // A tagged machine has none.
    ...(login && {
      "Tailscale-User-Login": login,
      "Tailscale-User-Name": "Someone",
      "Tailscale-User-Profile-Pic": "",
      "Tailscale-Headers-Info": "https://tailscale.com/s/serve-headers",
    }),
  };
}

function pairs(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ""]] : []));
}

/** Headers of one name stay several. */
function grouped(headers: readonly [name: string, value: string][]): Record<string, string | string[]> {
  const groups: Record<string, string | string[]> = {};
  for (const [name, value] of headers)
    groups[name] = name in groups ? [groups[name] ?? "", value].flat() : value;
  return groups;
}
