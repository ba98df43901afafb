import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTls } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "../../src/domain/webhook.ts";
import { attempt } from "../../src/webhooks/post.ts";
import { receiver } from "../support/receiver.ts";
import { targetOf } from "../support/webhook.ts";

const post = (url: string, more = {}): Promise<Outcome> =>
  attempt(targetOf(url, more), { headers: { "X-Test": "1" }, body: '{"a":1}' });

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server that does what it likes with the bytes of a connection; returns its URL. */
async function wild(onRequest: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => onRequest(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";

test("a receiver that answers nothing is given up after the time limit", async () => {
  const outcome = await post(await wild(() => {}), { timeoutMs: 300 });
  expect(outcome).toMatchObject({ status: null, error: "no answer within 300 ms" });
  expect(outcome.ms).toBeWithin(290, 10_000);
});

test("a name server that answers nothing counts against the same limit", async () => {
  const policy = { ...targetOf("http://x/").policy, lookup: () => new Promise<string[]>(() => {}) };
  const outcome = await post("http://slow.test/", { timeoutMs: 200, policy });
  expect(outcome).toMatchObject({ status: null, error: "no answer within 200 ms" });
});

test("one byte of the head every 300 ms does not outlive the limit", async () => {
  const url = await wild((socket) => {
    let sent = 0;
    const drip = setInterval(() => socket.write(HEAD[sent++ % HEAD.length] ?? ""), 300);
    socket.on("close", () => clearInterval(drip));
  });
  const outcome = await post(url, { timeoutMs: 1_000 });
  expect(outcome).toMatchObject({ status: null, error: "no answer within 1000 ms" });
});

test("one byte of the body every 300 ms: the status decides, and the rest is not waited for", async () => {
  const url = await wild((socket) => {
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const drip = setInterval(() => socket.write("1\r\nx\r\n"), 300);
    socket.on("close", () => clearInterval(drip));
  });
  const outcome = await post(url, { timeoutMs: 15_000 });
  expect(outcome).toMatchObject({ status: 200, error: null });
  expect(outcome.ms).toBeLessThan(10_000);
});

test("an endless body is cut after some kilobytes", async () => {
  let sent = 0;
  const closed = Promise.withResolvers<void>();
  const url = await wild((socket) => {
    socket.write(`${HEAD}\r\n`);
    const pour = () => {
      sent += 65_536;
      if (socket.writable && sent < 2e9) socket.write(Buffer.alloc(65_536), () => setImmediate(pour));
    };
    pour();
    socket.on("close", () => closed.resolve());
  });
  const before = process.memoryUsage.rss();
  expect(await post(url)).toMatchObject({ status: 200, error: null });
  await closed.promise;
  expect(sent).toBeLessThan(50e6);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
});

test("a head without an end is an error, not memory", async () => {
  const url = await wild((socket) => {
    socket.write(HEAD);
    const pour = () => {
      if (socket.writable) socket.write(`x-${"a".repeat(4_000)}: b\r\n`, () => setImmediate(pour));
    };
    pour();
  });
  const outcome = await post(url);
  expect(outcome.status).toBeNull();
  expect(outcome.error).not.toBeNull();
});

test.each([
  ["at once", (socket: Socket) => socket.resetAndDestroy()],
  ["in the head", (socket: Socket) => socket.write("HTTP/1.1 20", () => socket.resetAndDestroy())],
])("a connection that is reset %s is an error in one line", async (_, act) => {
  const outcome = await post(await wild(act));
  expect(outcome.status).toBeNull();
  expect(outcome.error).toMatch(/^[^\n]{4,200}$/);
});

test("a connection that is reset in the body has said its status", async () => {
  const url = await wild((socket) => {
    socket.write(`${HEAD}content-length: 100\r\n\r\nabc`);
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  expect(await post(url)).toMatchObject({ status: 200, error: null });
});

test("what is no HTTP and what nobody listens on are errors in one line", async () => {
  const noise = await wild((socket) => socket.end("\x1b[2JSSH-2.0-OpenSSH\r\n\r\n"));
  for (const url of [noise, "http://127.0.0.1:1/", "https://127.0.0.1:1/", "no URL"]) {
    const outcome = await post(url);
    expect(outcome.status).toBeNull();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it must not be there
    expect(outcome.error).toMatch(/^[^\n\x1b]{4,220}$/);
  }
});

test("an answer that is a zip bomb is not unpacked", async () => {
  const bomb = Bun.gzipSync(new Uint8Array(50e6));
  const url = await wild((socket) => {
    socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.byteLength}\r\n\r\n`);
    socket.write(bomb);
  });
  const before = process.memoryUsage.rss();
  expect(await post(url)).toMatchObject({ status: 200, error: null });
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
});

test("a Retry-After of 429 and 503 is read, of others not", async () => {
  for (const [status, expected] of [
    [429, 7_000],
    [503, 7_000],
    [500, 0],
    [200, 0],
  ] as const) {
    const strict = receiver(() => new Response(null, { status, headers: { "retry-after": "7" } }));
    expect((await post(strict.url())).retryAfterMs).toBe(expected);
    strict.stop();
  }
});

test("the body and the headers arrive as they were given, on a connection of their own", async () => {
  const good = receiver();
  await post(good.url("/x"));
  const [got] = good.at("/x");
  expect([got?.body, got?.headers.get("x-test"), got?.headers.get("connection")]).toEqual([
    '{"a":1}',
    "1",
    "close",
  ]);
  good.stop();
});

const folder = mkdtempSync(join(tmpdir(), "aeb-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An https server whose certificate, signed by itself, is for `name`. */
async function secure(name: string): Promise<number> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  const made = Bun.spawnSync(
    [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      ...subject,
    ],
    { stderr: "ignore" },
  );
  if (!made.success) throw new Error("openssl made no certificate");
  const server = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    request.resume();
    response.end("secure");
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

const noOpenssl = Bun.which("openssl") === null;
if (noOpenssl) console.log("skipped: certificates of receivers, no command openssl");

test.skipIf(noOpenssl)(
  "https pinned to a checked address still verifies the certificate and its name",
  async () => {
    const [right, wrong] = [await secure("right.test"), await secure("wrong.test")];
    const authorities = join(folder, "all.pem");
    await Bun.write(
      authorities,
      ["right.test", "wrong.test"].map((name) => readFileSync(join(folder, `${name}.pem`), "utf8")).join(""),
    );
    const urls = [`https://right.test:${right}/`, `https://right.test:${wrong}/`];
    const script = `import { attempt } from "./src/webhooks/post.ts"; import { targetOf } from "./test/support/webhook.ts";
      for (const url of ${JSON.stringify(urls)}) console.log(JSON.stringify(await attempt(targetOf(url), { headers: {}, body: "{}" })));`;
    const run = (env: Record<string, string>) =>
      Bun.spawn([process.execPath, "-e", script], {
        cwd: join(import.meta.dir, "../.."),
        env: { ...process.env, ...env },
      });
    const outcomes = async (env: Record<string, string>): Promise<Outcome[]> =>
      (await new Response(run(env).stdout).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    const known = await outcomes({ NODE_EXTRA_CA_CERTS: authorities });
    expect(known[0]).toMatchObject({ status: 200, error: null });
    expect(known[1]).toMatchObject({ status: null, error: expect.stringContaining("wrong.test") });
    for (const { status, error } of await outcomes({})) {
      expect(status).toBeNull();
      expect(error).toContain("self");
    }
  },
);
