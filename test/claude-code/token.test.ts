import { expect } from "bun:test";
import type { Scope } from "../../src/domain/caller.ts";
import { openTokens, type TokenStore } from "../../src/tokens/token_files.ts";
import { stored } from "../support/agent.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { rpc } from "../support/rpc.ts";
import { eventually } from "../support/webhook.ts";
import { answersOf, converse, newClient, TIMEOUT_MS, testWithClaude } from "./converse.ts";

interface ClosedBus extends ProcessBus {
  tokens: TokenStore;
  /** Makes a token and returns it. */
  token(name: string, scope?: Scope, expiresInMs?: number): string;
}

/** The compiled bus, which wants a token from everyone. */
async function startClosedBus(env: Record<string, string> = {}): Promise<ClosedBus> {
  const folder = tempFolder();
  const tokens = openTokens(`${folder}/data.db`, Date.now);
  const bus = await startBus("binary", { folder, env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1", ...env } });
  return Object.assign(bus, {
    tokens,
    token: (name: string, scope: Scope = "full", expiresInMs?: number) =>
      String(tokens.create(name, scope, expiresInMs ?? null)?.secret),
  });
}

/** Publishes past the client; the HTTP status. */
async function publish(bus: ProcessBus, token: string): Promise<number> {
  const params = { name: "publish_event", arguments: { event_type: "note", payload: "by hand" } };
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
  return (await rpc(bus.url, call, { authorization: `Bearer ${token}` })).status;
}

testWithClaude(
  "with a token in its header the client connects, and what the model publishes comes from that token",
  async () => {
    const bus = await startClosedBus();
    const token = bus.token("laptop");
    const client = newClient();
    await client.add(bus.url, token);
    expect(await client.run("mcp", "list")).toContain(`agent-event-bus: ${bus.url} (HTTP) - ✔ Connected`);
    await converse(
      bus.url,
      async (call) => {
        const ask = answersOf(call);
        const { event_id } = await ask("publish_event", { event_type: "note", payload: "from the model" });
        const { events } = await ask("get_events", { limit: 1 });
        expect(events).toMatchObject([{ id: event_id, payload: "from the model", origin: "laptop" }]);
      },
      token,
    );
  },
  TIMEOUT_MS,
);

testWithClaude.each<[what: string, token: (bus: ClosedBus) => string | undefined, says: string]>([
  ["no", () => undefined, "need a token"],
  ["a wrong", () => "aeb_wrong", "This bus does not know the token"],
  ["an expired", (bus) => bus.token("old", "full", 1), "The token old expired at"],
  ["a revoked", (bus) => revoked(bus), "The token gone was revoked"],
])(
  "with %s token the client says why it did not connect, and the bus is well",
  async (_what, tokenOf, says) => {
    const bus = await startClosedBus();
    const client = newClient();
    await client.add(bus.url, tokenOf(bus));
    const before = stored(bus);
    const list = await client.run("mcp", "list");
    expect(list).toContain("✘ Failed to connect");
    expect(list).toContain(says);
    expect(stored(bus)).toEqual(before);
    expect(await publish(bus, bus.token("other"))).toBe(200);
  },
  TIMEOUT_MS,
);

function revoked(bus: ClosedBus): string {
  const token = bus.token("gone");
  bus.tokens.revoke("gone");
  return token;
}

testWithClaude.each<[scope: Scope, tools: string[], works: string, input: object]>([
  ["publish", ["publish_event"], "publish_event", { event_type: "note", payload: "from CI" }],
  ["read", ["get_delivery", "get_events", "list_channels", "list_sessions"], "get_events", {}],
])(
  "a model with a token of scope %s is shown %j only, and calls them",
  async (scope, tools, works, input) => {
    const bus = await startClosedBus();
    const refused = scope === "read" ? "publish_event" : "get_events";
    const model = await converse(
      bus.url,
      async (call) => {
        await answersOf(call)(works, input);
        const { isError } = await call(`mcp__agent-event-bus__${refused}`, {
          event_type: "note",
          payload: "no",
        });
        expect(isError).toBe(true);
        await answersOf(call)(works, input);
      },
      bus.token("narrow", scope),
    );
    const shown = new Set(model.briefing.match(/(?<=mcp__agent-event-bus__)\w+/g));
    expect([...shown].sort()).toEqual(tools);
    expect(stored(bus).events).toBe(scope === "publish" ? 2 : 0);
  },
  TIMEOUT_MS,
);

testWithClaude(
  "a model whose token is revoked gets nothing from then on",
  async () => {
    const bus = await startClosedBus();
    const token = bus.token("laptop");
    await converse(
      bus.url,
      async (call) => {
        const note = () => call("mcp__agent-event-bus__publish_event", { event_type: "note", payload: "me" });
        expect((await note()).isError).toBe(false);
        bus.tokens.revoke("laptop");
        for (let i = 0; i < 2; i++) expect((await note()).isError).toBe(true);
      },
      token,
    );
    expect(stored(bus).events).toBe(1);
  },
  TIMEOUT_MS,
);

testWithClaude(
  "a model that publishes too fast is told which limit, and publishes again when it has waited",
  async () => {
    const bus = await startClosedBus({
      AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1",
      AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "1",
    });
    const token = bus.token("laptop");
    let crowded = true;
    await converse(
      bus.url,
      async (call) => {
        const note = () => call("mcp__agent-event-bus__publish_event", { event_type: "note", payload: "me" });
        // Another program with that token takes nearly every place, however slow the client is.
        const crowd = (async () => {
          while (crowded) await publish(bus, token);
        })();
        let refusal = "";
        await eventually(
          "a refusal",
          async () => {
            const { isError, text } = await note();
            if (isError) refusal = text;
            return isError;
          },
          30_000,
        );
        crowded = false;
        await crowd;
        expect(refusal).toContain(
          "laptop published more than 1 events per second (limit publish_per_second)",
        );
        expect(refusal).toContain("Nothing was stored");
        await eventually("a place", async () => !(await note()).isError, 30_000);
      },
      token,
    ).finally(() => {
      crowded = false;
    });
  },
  TIMEOUT_MS,
);
