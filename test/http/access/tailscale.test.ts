import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { node24 } from "../../../build/node24.ts";
import { createWhois } from "../../../src/http/access/tailscale.ts";
import { tempFolder } from "../../support/folder.ts";
import { json, type LocalApi, owner, startLocalApi, text } from "../../support/localapi.ts";

const PEER = { address: "100.64.0.7", port: 40_000 };
const ADDR = "100.64.0.7:40000";
const MINUTE = 60_000;

/** A whois with a clock that stands, and what it warned of. */
function whoisAt(socket: string) {
  const warnings: string[] = [];
  const clock = { now: Date.parse("2026-03-01T12:00:00Z") };
  const whois = createWhois({ socket, now: () => clock.now, warn: (message) => warnings.push(message) });
  return { whois, warnings, clock };
}

type Answer = Parameters<LocalApi["knows"]>[1];

const cut: Answer = (response) => {
  response.writeHead(200, { "content-length": "1000" });
  response.write('{"UserProfile":{"LoginName":"jo@example.com"}}', () => response.destroy());
};

/** What tailscaled answers, and whose the address is then; `warns` when that is not an answer it gives. */
const ANSWERS: [what: string, answer: Answer, login: string | null, warns?: RegExp][] = [
  ["a person's machine", owner("jo@example.com"), "jo@example.com"],
  ["a person's machine, in capitals", owner("Jo@Example.com"), "Jo@Example.com"],
  ["a tagged machine", owner("tagged-devices", { Tags: ["tag:ci"] }), null],
  ["an address that it does not know", text("no match for IP:port\n", 404), null],
  ["forbidden", text('{"UserProfile":{"LoginName":"jo@example.com"}}', 403), null],
  ["an error of its own", text("oops", 500), null],
  ["a redirect", text('{"UserProfile":{"LoginName":"jo@example.com"}}', 302), null],
  ["nothing", text(""), null],
  ["no JSON", text("jo@example.com"), null],
  ["JSON that is cut", text('{"UserProfile":{"LoginName":"jo@example.com"'), null],
  ["null", json(null), null],
  ["a list", json([{ UserProfile: { LoginName: "jo@example.com" } }]), null],
  ["no profile", json({ Node: {} }), null],
  ["an empty login", owner(""), null],
  ["a login that is a number", owner(7), null],
  ["a login that is a list", owner(["jo@example.com"]), null],
  [
    "no end of text",
    text(`${" ".repeat(70_000)}{"UserProfile":{"LoginName":"jo@example.com"}}`),
    null,
    /too long/,
  ],
  ["an answer that ends early", cut, null, /./],
  ["a connection that is cut", (response) => void response.destroy(), null, /./],
  ["nothing, for ever", () => {}, null, /./],
  ["a head and then nothing", (response) => void response.writeHead(200).write("{"), null, /./],
];

describe("whose a tailnet address is, when tailscaled answers with", () => {
  for (const [what, answer, login, warns] of ANSWERS)
    test(what, async () => {
      const tailscaled = await startLocalApi();
      tailscaled.knows(ADDR, answer);
      const { whois, warnings } = whoisAt(tailscaled.socket);
      expect(await whois(PEER)).toBe(login);
      expect(tailscaled.asked).toEqual([ADDR]);
      expect(warnings).toHaveLength(warns === undefined ? 0 : 1);
      if (warns !== undefined) expect(warnings[0]).toMatch(warns);
      await tailscaled.stop();
    });
});

test("an IPv6 address is asked about in brackets", async () => {
  const tailscaled = await startLocalApi();
  tailscaled.knows("[fd7a:115c:a1e0::7]:40000", owner("jo@example.com"));
  const { whois } = whoisAt(tailscaled.socket);
  expect(await whois({ address: "fd7a:115c:a1e0::7", port: 40_000 })).toBe("jo@example.com");
});

describe("an answer", () => {
  test("holds for a minute, for every connection of the address, and no longer", async () => {
    const tailscaled = await startLocalApi();
    tailscaled.knows(ADDR, owner("jo@example.com"));
    const { whois, clock } = whoisAt(tailscaled.socket);
    expect(await whois(PEER)).toBe("jo@example.com");
    tailscaled.knows(ADDR, owner("eve@example.com"));
    clock.now += MINUTE - 1;
    expect(await whois(PEER)).toBe("jo@example.com");
    expect(await whois({ ...PEER, port: 40_001 })).toBe("jo@example.com");
    expect(tailscaled.asked).toEqual([ADDR]);
    clock.now += 1;
    expect(await whois(PEER)).toBe("eve@example.com");
    expect(tailscaled.asked).toEqual([ADDR, ADDR]);
  });

  test("is of one address only", async () => {
    const tailscaled = await startLocalApi();
    tailscaled.knows(ADDR, owner("jo@example.com"));
    const { whois } = whoisAt(tailscaled.socket);
    expect(await whois(PEER)).toBe("jo@example.com");
    expect(await whois({ ...PEER, address: "100.64.0.70" })).toBeNull();
    expect(tailscaled.asked).toEqual([ADDR, "100.64.0.70:40000"]);
  });

  test("that says nobody holds as long: who knocks again and again asks tailscaled once", async () => {
    const tailscaled = await startLocalApi();
    const { whois, clock } = whoisAt(tailscaled.socket);
    for (let i = 0; i < 20; i++) expect(await whois(PEER)).toBeNull();
    expect(tailscaled.asked).toEqual([ADDR]);
    tailscaled.knows(ADDR, owner("jo@example.com"));
    clock.now += MINUTE;
    expect(await whois(PEER)).toBe("jo@example.com");
  });

  test("is shared by those who ask at the same time", async () => {
    const tailscaled = await startLocalApi();
    tailscaled.knows(ADDR, owner("jo@example.com"));
    const { whois } = whoisAt(tailscaled.socket);
    const logins = await Promise.all(Array.from({ length: 50 }, () => whois(PEER)));
    expect(new Set(logins)).toEqual(new Set(["jo@example.com"]));
    expect(tailscaled.asked).toEqual([ADDR]);
  });
});

describe("a tailscaled that does not run", () => {
  test("lets nobody in, is warned of once, and is believed again as soon as it runs", async () => {
    const socket = join(tempFolder(), "tailscaled.sock");
    const { whois, warnings } = whoisAt(socket);
    for (let i = 0; i < 5; i++) expect(await whois({ ...PEER, port: PEER.port + i })).toBeNull();
    expect(await whois({ ...PEER, address: "100.64.0.8" })).toBeNull();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`tailscaled at ${socket} did not identify 100.64.0.7`);
    const tailscaled = await startLocalApi();
    tailscaled.knows(ADDR, owner("jo@example.com"));
    Bun.spawnSync(["ln", "-s", tailscaled.socket, socket]);
    expect(await whois(PEER)).toBe("jo@example.com");
    expect(warnings).toHaveLength(1);
  });

  test("but whose socket is there, or a file in its place, likewise", async () => {
    const tailscaled = await startLocalApi();
    await tailscaled.stop();
    const file = join(tempFolder(), "tailscaled.sock");
    writeFileSync(file, "");
    for (const socket of [tailscaled.socket, file]) {
      const { whois, warnings } = whoisAt(socket);
      expect(await whois(PEER)).toBeNull();
      expect(warnings).toHaveLength(1);
    }
  });
});

test("the same on Node: a login, none, no answer, no socket", async () => {
  const folder = tempFolder();
  const built = await Bun.build({
    entrypoints: [resolve(import.meta.dir, "../../../src/http/access/tailscale.ts")],
    outdir: folder,
    naming: "whois.mjs",
    target: "node",
  });
  expect(built.success).toBe(true);
  const tailscaled = await startLocalApi();
  const peers = ANSWERS.map(([what, answer, login, warns], i) => {
    tailscaled.knows(`100.64.1.${i}:1`, answer);
    return { what, address: `100.64.1.${i}`, login, warns: warns !== undefined };
  });
  const script = join(folder, "ask.mjs");
  writeFileSync(
    script,
    `import { createWhois } from "./whois.mjs";
    const { peers, socket, absent } = JSON.parse(process.argv[2]);
    const ask = async (socket, address) => {
      const warnings = [];
      const whois = createWhois({ socket, now: Date.now, warn: (message) => warnings.push(message) });
      return { login: await whois({ address, port: 1 }), warns: warnings.length > 0 };
    };
    const found = await Promise.all(peers.map(({ address }) => ask(socket, address)));
    console.log(JSON.stringify({ found, none: await ask(absent, "100.64.1.0") }));`,
  );
  const absent = join(folder, "absent.sock");
  expect(existsSync(absent)).toBe(false);
  const child = Bun.spawn(
    [await node24(), script, JSON.stringify({ peers, socket: tailscaled.socket, absent })],
    { stdout: "pipe", stderr: "inherit" },
  );
  const { found, none } = JSON.parse(await new Response(child.stdout).text());
  expect(await child.exited).toBe(0);
  expect(none).toEqual({ login: null, warns: true });
  for (const [i, { what, login, warns }] of peers.entries())
    expect({ what, ...found[i] }).toEqual({ what, login, warns });
});
