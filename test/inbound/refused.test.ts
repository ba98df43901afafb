import { beforeEach, describe, expect, test } from "bun:test";
import { LIMITS } from "../../src/domain/limits.ts";
import { newest, publish } from "../support/agent.ts";
import {
  addSource,
  github,
  gitlab,
  ofBody,
  pipeline,
  type Sent,
  send,
  signed,
  workflowRun,
} from "../support/arrivals.ts";
import { startHere } from "../support/bus.ts";
import { raw } from "../support/raw.ts";

let time = Date.UTC(2026, 0, 22, 20);
const bus = await startHere({ now: () => time });
const hub = await addSource(bus, { kind: "github", name: "hub" });
const lab = await addSource(bus, { kind: "gitlab", name: "lab" });
const own = await addSource(bus, { kind: "text", name: "own", secret: "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=" });
await addSource(bus, { kind: "text", name: "open" });

const UNPROVED = { error: "There is no such source, or its signature, token or time is wrong." };

const good = () => github(hub, "workflow_run", workflowRun({ id: Math.floor(Math.random() * 1e9) }));
const withHead = (sent: Sent, headers: Record<string, string>): Sent => ({
  ...sent,
  headers: { ...sent.headers, ...headers },
});
const without = (sent: Sent, name: string): Sent => {
  const { [name]: _, ...headers } = sent.headers;
  return { ...sent, headers };
};
const SIGNATURE = "x-hub-signature-256";

const WRONG: [what: string, source: string, sent: () => Sent][] = [
  ["an unknown source", "nobody", good],
  ["the name of a prototype", "constructor", good],
  ["a name in another case", "HUB", good],
  ["a wrong secret", "hub", () => github("other", "workflow_run", workflowRun())],
  ["no signature", "hub", () => without(good(), SIGNATURE)],
  ["an empty signature", "hub", () => withHead(good(), { [SIGNATURE]: "" })],
  [
    "a cut signature",
    "hub",
    () => withHead(good(), { [SIGNATURE]: good().headers[SIGNATURE]?.slice(0, 40) ?? "" }),
  ],
  ["a huge signature", "hub", () => withHead(good(), { [SIGNATURE]: "sha256=".padEnd(8_000, "0") })],
  [
    "a signature of SHA-1",
    "hub",
    () => withHead(without(good(), SIGNATURE), { "x-hub-signature": "sha1=00" }),
  ],
  ["a changed body", "hub", () => ({ ...good(), body: `${good().body} ` })],
  ["the signature of another body", "hub", () => withHead(good(), { [SIGNATURE]: ofBody(hub, "x") })],
  ["a wrong token", "lab", () => gitlab("other", pipeline())],
  ["the beginning of a token", "lab", () => gitlab(lab.slice(0, -1), pipeline())],
  ["no token", "lab", () => without(gitlab(lab, pipeline()), "x-gitlab-token")],
  ["the proof of another kind", "lab", () => github(lab, "workflow_run", workflowRun())],
  ["an expired signature", "own", () => signed(own, "x", time - 301_000)],
  ["a signature of the future", "own", () => signed(own, "x", time + 301_000)],
  ["a signature without a time", "own", () => without(signed(own, "x", time), "webhook-timestamp")],
  ["a signature without an id", "own", () => without(signed(own, "x", time), "webhook-id")],
  ["another id than was signed", "own", () => withHead(signed(own, "x", time), { "webhook-id": "y" })],
  [
    "another time than was signed",
    "own",
    () => withHead(signed(own, "x", time), { "webhook-timestamp": String(time / 1000 - 1) }),
  ],
  ["no proof at all", "own", () => ({ headers: {}, body: "x" })],
];

describe("refused, the same for all, and nothing is stored", () => {
  let before = 0;
  beforeEach(async () => {
    before = await publish(bus, "before");
  });

  test.each(WRONG)("%s", async (_, source, sent) => {
    const { status, json } = await send(bus, source, sent());
    expect([status, json]).toEqual([401, UNPROVED]);
    expect((await newest(bus)).id).toBe(before);
  });

  test("a signed text that comes again later is known, or too old", async () => {
    const sent = signed(own, "once", time);
    const { json } = await send(bus, "own", sent);
    time += 200_000;
    expect((await send(bus, "own", sent)).json).toEqual({ ...json, duplicate: true });
    time += 200_000;
    expect((await send(bus, "own", sent)).json).toEqual(UNPROVED);
    expect((await newest(bus)).id).toBe(json.event_id);
  });

  test("a rotated secret is taken for a day beside the new one", async () => {
    const fresh = (await call("rotate_source_secret", { name: "hub" })).secret;
    const by = (secret: string) =>
      send(bus, "hub", github(secret, "workflow_run", workflowRun({ id: Math.random() })));
    expect([(await by(hub)).status, (await by(fresh)).status]).toEqual([200, 200]);
    time += 24 * 3_600_000 + 1;
    expect([(await by(hub)).status, (await by(fresh)).status]).toEqual([401, 200]);
    await call("rotate_source_secret", { name: "hub", secret: hub });
    time += 24 * 3_600_000 + 1;
  });

  test.each([
    ["JSON that is cut", "hub", '{"action":"comp'],
    ["no body", "hub", ""],
    ["too deep JSON", "hub", "[".repeat(100) + "]".repeat(100)],
    ["too many values", "hub", `[${"1,".repeat(20_000)}1]`],
    ["an empty text", "open", "  \n"],
  ])("%s, though it is signed", async (_, source, body) => {
    const sent = { headers: { [SIGNATURE]: ofBody(hub, body), "x-github-event": "push" }, body };
    const { status, json } = await send(bus, source, sent);
    expect([status, json]).toEqual([400, { error: expect.stringMatching(/^The body /) }]);
    expect((await newest(bus)).id).toBe(before);
  });

  test("a body over the limit, announced or in chunks", async () => {
    const body = "x".repeat(LIMITS.arrival_bytes.fallback + 1);
    for (const name of ["open", "nobody"]) {
      const { status, json } = await send(bus, name, { headers: {}, body });
      expect([status, json.error]).toEqual([413, expect.stringContaining("(limit arrival_bytes)")]);
    }
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new TextEncoder().encode(body.slice(0, 100_000)));
        controller.close();
      },
    });
    const response = await fetch(new URL("/in/open", bus.url), { method: "POST", body: chunks });
    expect(response.status).toBe(413);
    expect((await newest(bus)).id).toBe(before);
  });

  test("a body that is not UTF-8, compressed, or cut off", async () => {
    const post = (init: RequestInit) => fetch(new URL("/in/open", bus.url), { method: "POST", ...init });
    expect((await post({ body: new Uint8Array([0xff, 0xfe, 0x41]) })).status).toBe(400);
    expect((await post({ body: "x", headers: { "content-encoding": "gzip" } })).status).toBe(415);
    const head = "POST /in/open HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf";
    await raw(bus.port, head, 300).catch(() => {});
    expect((await newest(bus)).id).toBe(before);
  });

  test("a page of another site, which a browser lets send text without asking", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }])
      expect(
        (await send(bus, "open", { headers: { "content-type": "text/plain", ...headers }, body: "x" }))
          .status,
      ).toBe(403);
    expect((await newest(bus)).id).toBe(before);
  });

  test("another method", async () => {
    for (const method of ["GET", "PUT", "DELETE"])
      expect((await fetch(new URL("/in/open", bus.url), { method })).status).toBe(405);
  });

  test("10,000 arrivals of nonsense store nothing and break nothing", async () => {
    const names = ["hub", "lab", "own", "nobody"];
    let seed = 7;
    const random = (most: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % most;
    };
    const noise = (most: number) =>
      Array.from({ length: random(most) }, () => String.fromCharCode(33 + random(94))).join("");
    const HEADERS = Object.keys({ ...good().headers, ...gitlab("", {}).headers, ...signed("x", "").headers });
    const one = async () => {
      const headers = Object.fromEntries(
        HEADERS.filter(() => random(2) === 0).map((name) => [name, noise(90)]),
      );
      const { status } = await send(bus, names[random(4)] ?? "", {
        headers: { ...headers, "content-type": "x/y" },
        body: noise(300),
      });
      return status;
    };
    const seen = new Set<number>();
    for (let i = 0; i < 10_000; i += 50)
      for (const status of await Promise.all(Array.from({ length: 50 }, one))) seen.add(status);
    expect([...seen]).toEqual([401]);
    expect((await newest(bus)).id).toBe(before);
    expect((await send(bus, "hub", good())).status).toBe(200);
  });
});

async function call(operation: string, args: object) {
  const response = await fetch(new URL(`/api/${operation}`, bus.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(args),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  return (await response.json()) as any;
}

test("what is refused of a source is told to its user, and what is refused of none is not", async () => {
  await send(bus, "lab", gitlab("other", pipeline()));
  const { result } = { result: await call("list_sources", {}) };
  const labs = result.find(({ name }: { name: string }) => name === "lab");
  expect(labs).toMatchObject({ has_secret: true, refused_because: "its token is wrong" });
  expect(labs.refused).toBeGreaterThan(0);
  expect(JSON.stringify(result)).not.toContain(lab);
  expect(result.map(({ name }: { name: string }) => name)).toEqual(["hub", "lab", "own", "open"]);
});
