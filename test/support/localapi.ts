import { afterAll } from "bun:test";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A stand-in for tailscaled: a real HTTP server on a unix socket, which answers `whois` as its LocalAPI does. */
export interface LocalApi {
  socket: string;
  /** The `addr` of every whois so far. */
  asked: string[];
  /** What it answers about an address and port from now on; 404 about any other. */
  knows(addr: string, answer: Answer): void;
  stop(): Promise<void>;
}

export async function startLocalApi(): Promise<LocalApi> {
  const socket = join(tempFolder(), "tailscaled.sock");
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://local-tailscaled.sock");
    const addr = searchParams.get("addr") ?? "";
    asked.push(addr);
    const wellAsked =
      request.method === "GET" &&
      pathname === "/localapi/v0/whois" &&
      request.headers.host === "local-tailscaled.sock";
    const answer = wellAsked ? answers.get(addr) : undefined;
    if (answer !== undefined) answer(response, request);
    else response.writeHead(404, { "content-type": "text/plain" }).end("no match for IP:port\n");
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  afterAll(stop);
  return { socket, asked, knows: (addr, answer) => void answers.set(addr, answer), stop };
}

/** The answer about a machine of a person, with what tailscaled says beside it. */
export function owner(login: unknown, more: object = {}): Answer {
  return json({
    Node: { ID: 1, StableID: "n1", Name: "box.tail1234.ts.net.", Addresses: ["100.64.0.7/32"], ...more },
    UserProfile: { ID: 1, LoginName: login, DisplayName: "Jo", ProfilePicURL: "" },
    CapMap: {},
  });
}

export function json(body: unknown): Answer {
  return text(JSON.stringify(body));
}

export function text(body: string, status = 200): Answer {
  return (response) => void response.writeHead(status, { "content-type": "application/json" }).end(body);
}
