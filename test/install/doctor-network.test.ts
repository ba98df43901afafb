import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Place, placeOf } from "../../src/install/checks/facts.ts";
import { proxy, tailscale } from "../../src/install/checks/network.ts";
import { tempFolder } from "../support/folder.ts";

/** This machine, with a bus elsewhere and programs and an environment of its own. */
function placeAt(url: string, env: Record<string, string> = {}, path: string[] = []): Place {
  const place = placeOf();
  return { ...place, role: "client", url, settings: {}, config: { ...place.config, path, env } };
}

/** A folder with a `tailscale` that prints this status. */
function withStatus(status: unknown): string[] {
  const folder = tempFolder();
  const file = join(folder, "tailscale");
  writeFileSync(file, `#!/bin/sh\n[ "$*" = "status --json" ] && echo '${JSON.stringify(status)}'\n`);
  chmodSync(file, 0o755);
  return [folder];
}

test.each([
  [
    "is online",
    { Peer: { k: { DNSName: "srv.tail01.ts.net.", Online: true } } },
    "ok",
    "up, srv.tail01.ts.net is online",
  ],
  [
    "is offline",
    { Peer: { k: { DNSName: "srv.tail01.ts.net.", Online: false } } },
    "bad",
    "srv.tail01.ts.net is offline",
  ],
  ["is unknown", { Peer: {} }, "bad", "the tailnet has no machine called srv.tail01.ts.net"],
  ["is this one", { Self: { DNSName: "srv.tail01.ts.net." }, Peer: null }, "ok", "up"],
  ["needs a login", { BackendState: "NeedsLogin" }, "bad", "state: NeedsLogin"],
] as const)("the machine of the bus %s", async (_name, more, state, found) => {
  const path = withStatus({ BackendState: "Running", ...more });
  const place = placeAt("https://srv.tail01.ts.net/agent-event-bus/mcp", {}, path);
  expect(await tailscale.look(place)).toMatchObject({ state, found });
});

test("Tailscale is asked for its own names and addresses only", async () => {
  const path = withStatus({ BackendState: "Stopped" });
  const asked = async (url: string) => (await tailscale.look(placeAt(url, {}, path))) !== undefined;
  expect(await asked("http://100.64.0.1:8080/mcp")).toBe(true);
  expect(await asked("http://100.127.255.1:8080/mcp")).toBe(true);
  expect(await asked("http://100.128.0.1:8080/mcp")).toBe(false);
  expect(await asked("http://my-server:8080/mcp")).toBe(false);
});

test.each([
  ["http://srv:8080/mcp", { HTTP_PROXY: "http://p" }, "HTTP_PROXY"],
  ["https://srv.example.com/mcp", { https_proxy: "http://p" }, "https_proxy"],
  ["https://srv.example.com/mcp", { HTTP_PROXY: "http://p" }, undefined],
  ["http://srv.example.com/mcp", { HTTP_PROXY: "http://p", NO_PROXY: "localhost, .example.com" }, undefined],
  ["http://srv:8080/mcp", { HTTP_PROXY: "http://p", no_proxy: "*" }, undefined],
  ["http://127.0.0.1:8080/mcp", { HTTP_PROXY: "http://p" }, undefined],
])("a proxy on the way to %s, with %j", async (url, env, named) => {
  const found = await proxy.look(placeAt(url, env as Record<string, string>));
  if (named === undefined) expect(found).toBeUndefined();
  else
    expect(found).toMatchObject({
      state: "note",
      found: expect.stringContaining(`${named} is set, so requests to srv`),
    });
});
