import { describe, expect, test } from "bun:test";
import { newest } from "../support/agent.ts";
import {
  addSource,
  alerts,
  github,
  gitlab,
  pipeline,
  type Sent,
  send,
  signed,
  workflowRun,
} from "../support/arrivals.ts";
import { startHere } from "../support/bus.ts";
import { bearer, tokenFor } from "../support/callers.ts";

const bus = await startHere();
const hub = await addSource(bus, { kind: "github", name: "hub" });
const lab = await addSource(bus, { kind: "gitlab", name: "lab", secret: "gl-token" });
await addSource(bus, { kind: "alertmanager", name: "alerts", channel: "repo:ops" });
await addSource(bus, { kind: "json", name: "deploys", event_type: "deployed", channel: "repo:{service}" });
const own = await addSource(bus, {
  kind: "json",
  name: "signed",
  secret: "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
});
await addSource(bus, { kind: "form", name: "form" });
await addSource(bus, { kind: "text", name: "cron", channel: "@human", level: "actionable" });

const plain = (body: string, type = "text/plain"): Sent => ({ headers: { "content-type": type }, body });

const KINDS: [source: string, sent: Sent, event: object][] = [
  [
    "hub",
    github(hub, "workflow_run", workflowRun({ branch: "fix" })),
    { event_type: "ci_failed", channel: "repo:shop", signal_level: "actionable", tags: ["branch:fix"] },
  ],
  [
    "lab",
    gitlab(lab, pipeline()),
    { event_type: "ci_failed", channel: "repo:shop", signal_level: "actionable", tags: ["branch:main"] },
  ],
  [
    "alerts",
    plain(JSON.stringify(alerts()), "application/json"),
    { event_type: "alert_firing", channel: "repo:ops" },
  ],
  [
    "deploys",
    plain('{"service":"web","text":"v2"}'),
    { event_type: "deployed", channel: "repo:web", payload: "v2" },
  ],
  ["signed", signed(own, '{"text":"v3"}'), { event_type: "received", payload: "v3" }],
  [
    "form",
    plain("title=Done&text=a%26b", "application/x-www-form-urlencoded"),
    { title: "Done", payload: "a&b", channel: "all" },
  ],
  [
    "cron",
    plain("backup failed"),
    { channel: "session:human", payload: "backup failed", signal_level: "actionable" },
  ],
];

describe("each kind of source becomes an event", () => {
  test.each(KINDS)("%s", async (source, sent, event) => {
    const { status, json } = await send(bus, source, sent);
    expect([status, json]).toEqual([200, { event_id: expect.any(Number) }]);
    expect(await newest(bus)).toMatchObject({
      id: json.event_id,
      session_id: `source:${source}`,
      origin: `source:${source}`,
      ...event,
    });
  });

  test("what comes again is stored once, and its answer names the same event", async () => {
    const sent = github(hub, "workflow_run", workflowRun({ id: 2 }));
    const { json } = await send(bus, "hub", sent);
    const others = [await send(bus, "hub", sent), await send(bus, "hub", sent)];
    for (const again of others)
      expect([again.status, again.json]).toEqual([200, { ...json, duplicate: true }]);
    // Its id is not signed: a listener may send the same body under another.
    const forged = await send(bus, "hub", sent, { "x-github-delivery": crypto.randomUUID() });
    expect(forged.json).toEqual({ ...json, duplicate: true });
    expect((await newest(bus)).id).toBe(json.event_id);
  });

  test("an alert that only repeats itself is no news, and the next state is", async () => {
    const sent = (status: "firing" | "resolved") =>
      send(bus, "alerts", plain(JSON.stringify({ ...alerts(status), groupKey: "again" })));
    const { json } = await sent("firing");
    expect((await sent("firing")).json).toEqual({ ...json, duplicate: true });
    expect((await sent("resolved")).json.duplicate).toBeUndefined();
  });

  test("text has no id, so each time counts, unless the sender names one", async () => {
    const first = await send(bus, "cron", plain("disk full"));
    const second = await send(bus, "cron", plain("disk full"));
    expect(second.json.event_id).toBeGreaterThan(first.json.event_id);
    const key = { "idempotency-key": "run-7" };
    const named = await send(bus, "cron", plain("disk full"), key);
    expect((await send(bus, "cron", plain("disk full"), key)).json).toEqual({
      ...named.json,
      duplicate: true,
    });
  });

  test("news of nothing is answered, and not stored", async () => {
    const before = (await newest(bus)).id;
    const ping = await send(bus, "hub", github(hub, "ping", { zen: "Design for failure." }));
    expect([ping.status, ping.json]).toEqual([200, { ignored: "GitHub's ping" }]);
    expect((await newest(bus)).id).toBe(before);
  });

  test("GitHub's form is read like its JSON", async () => {
    const body = `payload=${encodeURIComponent(JSON.stringify(workflowRun({ id: 3 })))}`;
    const { headers } = github(hub, "workflow_run", {});
    const { ofBody } = await import("../support/arrivals.ts");
    const sent = { body, headers: { ...headers, "x-hub-signature-256": ofBody(hub, body) } };
    expect((await send(bus, "hub", sent)).status).toBe(200);
    expect(await newest(bus)).toMatchObject({ event_type: "ci_failed", channel: "repo:shop" });
  });

  test("a publish token may send to sources, and a read token may not", async () => {
    const publish = bearer(tokenFor(bus.db, "runner", "publish"));
    expect((await send(bus, "cron", plain("by token"), publish)).status).toBe(200);
    expect(await newest(bus)).toMatchObject({ payload: "by token", origin: "source:cron" });
    const read = bearer(tokenFor(bus.db, "reader", "read"));
    expect((await send(bus, "cron", plain("no"), read)).status).toBe(403);
    expect((await newest(bus)).payload).toBe("by token");
  });

  test("an answer to a source goes to those who saw its event, and there is none to a direct message", async () => {
    const { json } = await send(bus, "hub", github(hub, "workflow_run", workflowRun({ id: 4 })));
    const answer = await bus.call("reply", { event_id: json.event_id, payload: "I am on it" });
    expect(answer).toMatchObject({ channel: "repo:shop", answers: json.event_id });
    const direct = await send(bus, "cron", plain("to you"));
    const { event_id } = direct.json;
    const error = "source:cron reads no answers. Nothing was published.";
    expect(await bus.call("reply", { event_id, payload: "no" })).toEqual({ error, event_id });
    expect((await newest(bus)).id).toBe(event_id);
  });

  test("nobody else stores in the name of a source", async () => {
    const before = (await newest(bus)).id;
    const response = await fetch(new URL("/api/store_arrival", bus.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source: "cron", event_type: "x", payload: "x", keys: [] }),
    });
    expect([response.status, await response.json()]).toEqual([
      409,
      { error: "Nothing was stored. Only sources call this." },
    ]);
    expect((await newest(bus)).id).toBe(before);
  });
});
