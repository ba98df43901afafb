import { join } from "node:path";
import { tempFolder } from "./folder.ts";

/** In the place of a machine's tailscaled: answers `whois` on a unix socket as its LocalAPI does. */
export interface Tailscaled {
  socket: string;
  /** Every `addr` it was asked about. */
  asked: string[];
  /** While true it takes questions and never answers. */
  silent: boolean;
  stop(): void;
}

/** Knows the owners of some addresses. */
export function startTailscaled(owners: Readonly<Record<string, string>>): Tailscaled {
  const socket = join(tempFolder(true), "tailscaled.sock");
  const server = Bun.serve({
    unix: socket,
    fetch(request) {
      const url = new URL(request.url);
      // The real one refuses whatever a web page could send.
      if (request.headers.get("host") !== "local-tailscaled.sock" || request.headers.has("origin"))
        return new Response("invalid localapi request\n", { status: 403 });
      if (url.pathname !== "/localapi/v0/whois") return new Response("not found\n", { status: 404 });
      const addr = url.searchParams.get("addr") ?? "";
      self.asked.push(addr);
      if (self.silent) return new Promise<Response>(() => {});
      const address = /^\[?(.*?)\]?:\d+$/.exec(addr)?.[1] ?? "";
      const login = owners[address];
      if (login === undefined) return new Response("no match for IP:port\n", { status: 404 });
      return Response.json({
        Node: { ID: 1, Name: "machine.tail0123.ts.net.", Addresses: [address] },
        UserProfile: { ID: 2, LoginName: login, DisplayName: "Someone" },
        CapMap: {},
      });
    },
  });
  const self: Tailscaled = { socket, asked: [], silent: false, stop: () => void server.stop(true) };
  return self;
}
