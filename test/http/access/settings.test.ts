import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openTokens } from "../../../src/tokens/token_files.ts";
import { asLines, type Headers_, SERVED } from "../../support/access.ts";
import { type ProcessBus, startBus } from "../../support/bus.ts";
import { tempFolder } from "../../support/folder.ts";
import { post, raw } from "../../support/raw.ts";
import { serveUntilExit } from "../../support/serve.ts";
import { call } from "../../support/strangers.ts";
import { secretOf } from "../../support/tokens.ts";

const PUBLISH = call("publish_event", { event_type: "note", payload: "hello" });
const READ = call("get_events", {});

/** A bus with a setting and a token, started as often as `again` is called. */
async function busWith(kind: "binary" | "node", env: Record<string, string>) {
  const folder = tempFolder();
  const token = secretOf(openTokens(join(folder, "data.db"), Date.now).create("laptop", "full", null));
  const start = (): Promise<ProcessBus> => startBus(kind, { folder, env });
  let bus = await start();
  const bearer = { authorization: `Bearer ${token}` };
  return {
    bearer,
    /** The status of a refusal, or the origin of the event that was stored. */
    async verdict(headers: Headers_): Promise<number | string> {
      const { status } = await raw(bus.port, post(PUBLISH, asLines(headers)));
      if (status !== 200) return status;
      const { body } = await raw(bus.port, post(READ, asLines({ ...bearer, accept: "application/json" })));
      return JSON.parse(body).result.structuredContent.events[0].origin;
    },
    async again(): Promise<void> {
      bus = await start();
    },
    /** Of a bus that was stopped: one that runs may write a line later. */
    warnings(text: string): number {
      return readFileSync(join(folder, "bus.log"), "utf8").split(`warn  ${text}`).length - 1;
    },
    stop: () => bus.stop(),
  };
}

const EVE = { ...SERVED, "tailscale-user-login": "eve@example.com" };
const { "tailscale-user-login": _, ...NOBODY } = SERVED;

/** What becomes of a request by each setting: without headers, of a login, of another, of none through a proxy. */
const SETTINGS: [
  env: Record<string, string>,
  alone: number | string,
  jo: number | string,
  eve: number | string,
  nobody: number | string,
  warns: string | null,
][] = [
  [{}, "local", "jo@example.com", "eve@example.com", 401, null],
  [
    { AGENT_EVENT_BUS_ALLOWED_LOGINS: "ann@example.com , JO@example.com" },
    ...(["local", "jo@example.com", 403, 401, null] as const),
  ],
  [{ AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" }, 401, 401, 401, 401, null],
  [
    { AGENT_EVENT_BUS_TRUST_HEADERS: "1" },
    ...(["local", "local", "local", "local"] as const),
    "AGENT_EVENT_BUS_TRUST_HEADERS is set, so the bus trusts every Tailscale-User-Login header",
  ],
  [
    { AGENT_EVENT_BUS_AUTH_DISABLED: "1" },
    ...(["local", "unverified", "unverified", "unverified"] as const),
    "AGENT_EVENT_BUS_AUTH_DISABLED is set, so every client that reaches the port can read and write everything",
  ],
];

for (const kind of ["binary", "node"] as const)
  describe(`${kind}: by a setting`, () => {
    for (const [env, alone, jo, eve, nobody, warns] of SETTINGS)
      test(`${JSON.stringify(env)}`, async () => {
        const bus = await busWith(kind, env);
        for (const starts of [1, 2]) {
          expect(await bus.verdict({})).toBe(alone);
          expect(await bus.verdict(SERVED)).toBe(jo);
          expect(await bus.verdict(EVE)).toBe(eve);
          expect(await bus.verdict(NOBODY)).toBe(nobody);
          // In no setting is a token ignored, Funnel let in, or the head not looked at.
          for (const more of [{}, EVE, NOBODY]) {
            expect(await bus.verdict({ ...more, ...bus.bearer })).toBe("laptop");
            expect(await bus.verdict({ ...more, authorization: "Bearer wrong" })).toBe(401);
            expect(await bus.verdict({ ...more, ...bus.bearer, "tailscale-funnel-request": "?1" })).toBe(403);
            expect(await bus.verdict({ ...more, ...bus.bearer, host: "evil.example" })).toBe(421);
            expect(await bus.verdict({ ...more, ...bus.bearer, origin: "http://evil.example" })).toBe(403);
          }
          await bus.stop();
          expect(bus.warnings("AGENT_EVENT_BUS_")).toBe(warns === null ? 0 : starts);
          if (warns !== null) expect(bus.warnings(warns)).toBe(starts);
          if (starts === 1) await bus.again();
        }
      });
  });

test.each([
  "AGENT_EVENT_BUS_REQUIRE_TOKEN",
  "AGENT_EVENT_BUS_TRUST_HEADERS",
  "AGENT_EVENT_BUS_AUTH_DISABLED",
])(
  "%s takes 1 or 0, and anything else ends the start rather than opening or closing by chance",
  async (name) => {
    for (const value of ["2", "ja", "truee", "null"]) {
      const folder = tempFolder();
      const ended = await serveUntilExit({ folder, args: ["--port", "0"], env: { [name]: value } });
      expect([ended.code, ended.stderr]).toEqual([
        78,
        expect.stringContaining(`${name} takes 1 or 0, not "${value}".`),
      ]);
    }
  },
);
