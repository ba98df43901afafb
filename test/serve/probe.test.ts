import { expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type Kind, programOf } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { filesIn, serveUntilExit } from "../support/serve.ts";

/** Asks once by a connection of its own. Returns the status, or the system's code when there is no answer. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    );
    socket.on("data", (bytes) => resolve(String(bytes).slice(9, 12)));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    socket.on("close", () => resolve("closed"));
  });
}

test.each(["binary", "node"] as Kind[])(
  "%s: a client that connects during a start is refused or answered, never cut off",
  async (kind) => {
    const seen = new Set<string>();
    let asked = 0;
    for (let i = 0; i < 3; i++) {
      const folder = tempFolder();
      const port = await freePort();
      const words = [
        ...(await programOf(kind)),
        "serve",
        "--port",
        String(port),
        "--db",
        join(folder, "data.db"),
      ];
      const child = Bun.spawn(words, {
        cwd: folder,
        env: { HOME: folder, PATH: process.env.PATH ?? "" },
        stdout: "ignore",
      });
      const many = async () => {
        for (let answer = ""; answer !== "200"; asked++) {
          answer = await ask(port);
          seen.add(answer);
        }
      };
      await Promise.all(Array.from({ length: 8 }, many));
      child.kill("SIGTERM");
      await child.exited;
    }
    expect([...seen].sort()).toEqual(["200", "ECONNREFUSED"]);
    expect(asked).toBeGreaterThan(200);
  },
);

test.each(["127.0.0.1", "0.0.0.0", "::", "::1"])(
  "a program that answers at the port keeps a bus at %s from its database",
  async (host) => {
    const folder = tempFolder();
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) =>
      server.listen({ port: 0, host: host === "::1" ? "::1" : "127.0.0.1" }, resolve),
    );
    const { port } = server.address() as { port: number };
    const args = ["--port", String(port), "--db", join(folder, "data.db"), "--host", host];
    const { code, stderr } = await serveUntilExit({
      folder,
      args,
      env: { AGENT_EVENT_BUS_AUTH_DISABLED: "1" },
    });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`The port ${port} on ${host} is taken by another program.`),
    ]);
    expect(filesIn(folder).filter((name) => name === "data.db")).toEqual([]);
    expect(connections).toBeLessThan(5);
    server.close();
  },
);
