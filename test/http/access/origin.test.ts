import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join as path } from "node:path";
import { fresh, newest, publish } from "../../support/agent.ts";
import { startHere, type TestBus } from "../../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../../support/callers.ts";
import { cli } from "../../support/cli.ts";
import { tempFolder } from "../../support/folder.ts";
import { moments, writeOriginal } from "../../support/original.ts";
import { receiver } from "../../support/receiver.ts";
import { rpcTool } from "../../support/rpc.ts";
import { change, hook } from "../../support/webhook.ts";

const bus = await startHere();
const open = await startHere({ env: { AGENT_EVENT_BUS_AUTH_DISABLED: "1" } });
const laptop = bearer(tokenFor(bus.db, "laptop"));
const LOGIN = "ada@example.com";

const CALLERS: [who: string, bus: TestBus, headers: Record<string, string>, origin: string][] = [
  ["a local program", bus, {}, "local"],
  ["a token", bus, laptop, "laptop"],
  ["a publish token", bus, bearer(tokenFor(bus.db, "ci", "publish")), "ci"],
  ["a token that a proxy hands on with a login", bus, { ...servedTo(LOGIN), ...laptop }, "laptop"],
  ["a login through tailscale serve", bus, servedTo(LOGIN), LOGIN],
  [
    "a proxied stranger where everyone may do everything",
    open,
    { "x-forwarded-for": "10.0.0.9" },
    "unverified",
  ],
  ["a local program where everyone may do everything", open, {}, "local"],
];

/** What would be an origin if the bus believed its callers. */
const FORGED = {
  origin: "bus",
  payload: '","origin":"bus","x":"',
  title: '","origin":"bus"',
  tags: ['"],"origin":"bus'],
  session_id: "bus",
  correlation_id: "origin=bus",
  signal_level: '","origin":"bus',
  payload_meta: { origin: "bus" },
};

describe("an event shows where it came from", () => {
  test.each(CALLERS)("%s", async (_, target, headers, origin) => {
    await rpcTool(target.url, "publish_event", { event_type: "note", payload: "x" }, headers);
    expect(await newest(target)).toMatchObject({ payload: "x", origin });
  });

  test.each(CALLERS)("%s, and no text of the event changes that", async (_, target, headers, origin) => {
    const { message } = await rpcTool(
      target.url,
      "publish_event",
      { event_type: "note", ...FORGED },
      headers,
    );
    expect(message.result.isError).toBeUndefined();
    const { events } = await target.call("get_events", { limit: 1 });
    expect(events[0]).toMatchObject({ payload: FORGED.payload, session_id: "bus", origin });
  });

  test.each(CALLERS.filter(([who]) => !who.includes("publish")))(
    "%s that registers and unregisters a session",
    async (_, target, headers, origin) => {
      const client_id = fresh("client");
      for (const [tool, args] of [
        ["register_session", { name: "n", client_id }],
        ["unregister_session", { session_id: client_id }],
      ] as const) {
        await rpcTool(target.url, tool, args, headers);
        expect(await newest(target)).toMatchObject({ session_id: client_id, origin });
      }
      expect(await newest(target)).toMatchObject({ event_type: "session_unregistered" });
    },
  );

  test("the bus itself, when it disables a webhook", async () => {
    const gone = receiver(() => new Response(null, { status: 410 }));
    await hook(bus, gone.url("/gone"), { event_types: ["before-410"] });
    const cursor = await publish(bus, "x", { event_type: "before-410" });
    const { events } = await bus.call("get_events", {
      cursor: String(cursor),
      event_types: ["webhook_disabled"],
      wait_seconds: 60,
    });
    expect(events).toMatchObject([{ session_id: "agent-event-bus", origin: "bus" }]);
    gone.stop();
  });
});

test("a webhook's body has the keys of the wire contract, which know no origin", async () => {
  const hooks = receiver();
  await hook(bus, hooks.url("/body"), { event_types: ["to-hook"] });
  const args = { event_type: "to-hook", payload: "x", title: "T", tags: ["a"] };
  await rpcTool(bus.url, "publish_event", args, laptop);
  const [delivery] = await hooks.until("/body", 1, 30_000);
  expect(Object.keys(delivery?.json)).toEqual(
    "event_id event_type payload session_id timestamp channel correlation_id signal_level title tags".split(
      " ",
    ),
  );
  expect(delivery?.body).not.toContain("origin");
  expect(await newest(bus)).toMatchObject({ event_type: "to-hook", origin: "laptop" });
  hooks.stop();
});

const TO_SCHEMA_7 = `DROP TABLE arrivals; DROP TABLE sources; DROP TABLE needs; DROP TABLE events_text; DROP TABLE mail; DROP TABLE pushes; DROP TABLE claims; DROP TABLE aliases; DROP INDEX sessions_by_process; DROP INDEX sessions_by_client; CREATE INDEX sessions_by_client ON sessions (machine, client_id);
  ${[
    "pid",
    "pid_started",
    "state",
    "lease_until",
    "offered_cursor",
    "branch",
    "title",
    "wake",
    "muted_until",
    "worked_at",
    "last_words",
    "state_since",
    "rung",
    "rung_until",
    "read_until",
    "machine_id",
    "seen_on",
    "origin",
  ]
    .map((column) => `ALTER TABLE sessions DROP COLUMN ${column};`)
    .join("\n  ")}
  ALTER TABLE events DROP COLUMN origin; UPDATE schema_version SET version = 7;`;

/** Databases whose events know no origin. */
const OLDER: [what: string, write: (folder: string) => Promise<void>][] = [
  [
    "of the original",
    async (folder) => writeOriginal(path(folder, "data.db"), 5, process.env.TZ ?? "UTC", moments(30)),
  ],
  [
    "of schema 7",
    async (folder) => {
      const before = await startHere();
      for (const headers of [{}, bearer(tokenFor(before.db, "laptop"))])
        await rpcTool(before.url, "publish_event", { event_type: "note", payload: "old" }, headers);
      await before.stop();
      copyFileSync(before.db, path(folder, "data.db"));
      change(path(folder, "data.db"), TO_SCHEMA_7);
    },
  ],
];

test.each(OLDER)(
  "events of a database %s have no origin, and what comes after them has one",
  async (_, write) => {
    const folder = tempFolder();
    await write(folder);
    const later = await startHere({ folder });
    const old = (await later.call("get_events", { limit: 1000 })).events;
    expect(old.length).toBeGreaterThan(1);
    for (const event of old) expect(event).not.toHaveProperty("origin");
    await publish(later, "new");
    expect(await newest(later)).toMatchObject({ payload: "new", origin: "local" });
    const { stdout } = await cli(["events", "--limit", "2", "--all"], { bus: later });
    expect(stdout.split("\n").filter((line) => / {2}#\d+ {2}[^(]+→/.test(line))).toHaveLength(2);
  },
);

test.each(CALLERS)(
  "events for people names the origin when it is not local: %s",
  async (_, target, headers, origin) => {
    const payload = "text\n    from x (bus)";
    const args = { event_type: "note", payload, session_id: "me", correlation_id: "(bus)" };
    await rpcTool(target.url, "publish_event", args, headers);
    const { stdout } = await cli(["events", "--limit", "1"], { bus: target });
    const shown = origin === "local" ? "" : ` (${origin})`;
    expect(stdout.split("\n").at(-2)).toEndWith(`  me${shown} → all  note  text from x (bus)`);
    const json = await cli(["events", "--limit", "1", "--json"], { bus: target });
    expect(json.json().events[0].origin).toBe(origin);
  },
);
