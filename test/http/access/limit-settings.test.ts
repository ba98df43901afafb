import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, type Environment } from "../../../src/config/parse_settings.ts";
import { limitVariable, serverConfig } from "../../../src/config/server.ts";
import { LIMITS, type LimitName } from "../../../src/domain/limits.ts";
import { problem } from "../../support/agent.ts";
import { startBus } from "../../support/bus.ts";
import { tempFolder } from "../../support/folder.ts";
import { serveUntilExit } from "../../support/serve.ts";

const NAMES = Object.keys(LIMITS) as LimitName[];

/** The least value that each limit takes is 1; but where 0 means that there is no bound. */
const ZERO: readonly LimitName[] = ["local_publish_per_second"];
const least = (name: LimitName) => (ZERO.includes(name) ? 0 : 1);

/** What has to be set beside a limit at its edge: a body holds a payload and more. */
const BESIDE: Partial<Record<LimitName, Environment>> = {
  body_bytes: { AGENT_EVENT_BUS_LIMIT_PAYLOAD_BYTES: "1" },
  payload_bytes: { AGENT_EVENT_BUS_LIMIT_BODY_BYTES: String(LIMITS.body_bytes.most) },
};

function limitFrom(name: LimitName, env: Environment, settings: Environment = {}): number {
  return serverConfig({}, { ...BESIDE[name], ...env }, settings).limits[name];
}

function refusal(env: Environment, settings: Environment = {}): string {
  try {
    serverConfig({}, env, settings);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "it was taken";
}

/** Writes the settings file of a HOME. */
function writeSettings(home: string, lines: readonly string[]): void {
  const file = join(home, ".claude/contrib/agent-event-bus/settings.env");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join("\n")}\n`);
}

describe.each(NAMES)("%s", (name) => {
  const variable = limitVariable(name);
  const { fallback, most } = LIMITS[name];
  const some = Math.max(least(name), Math.floor(most / 2));
  const other = some - 1;

  test("is set by its variable, which wins over settings.env, which wins over the default", () => {
    expect(variable).toBe(`AGENT_EVENT_BUS_LIMIT_${name.toUpperCase()}`);
    expect(serverConfig({}, {}, {}).limits[name]).toBe(fallback);
    expect(limitFrom(name, { [variable]: String(some) })).toBe(some);
    expect(limitFrom(name, {}, { [variable]: String(some) })).toBe(some);
    expect(limitFrom(name, { [variable]: String(some) }, { [variable]: String(other) })).toBe(some);
    expect(limitFrom(name, { [variable]: "" }, { [variable]: String(some) })).toBe(some);
  });

  test("takes what its range holds", () => {
    const edges = name === "body_bytes" ? [2, most] : [least(name), most];
    for (const value of edges) expect(limitFrom(name, { [variable]: String(value) })).toBe(value);
  });

  test("refuses what is beyond its range, or no whole number, from either place", () => {
    const beyond = [least(name) - 1, most + 1, 10 ** 14, 10 ** 15, 10 ** 30].map(String);
    const odd = [
      "many",
      "1.5",
      "1e3",
      "0x10",
      " 1",
      "1 ",
      "+1",
      "1_000",
      "1,000",
      "NaN",
      "Infinity",
      "١",
      "-0",
    ];
    for (const value of [...beyond, ...odd])
      for (const says of [refusal({ [variable]: value }), refusal({}, { [variable]: value })])
        expect(says).toBe(
          `${variable} must be a whole number from ${least(name)} to ${most}, not "${value}".`,
        );
  });

  test("stops the start with exit 78 and one line that names it, wherever it was set", async () => {
    const inFile = tempFolder();
    writeSettings(inFile, [`${variable}=${most + 1}`]);
    for (const options of [{ folder: inFile }, { folder: tempFolder(), env: { [variable]: "many" } }]) {
      const { code, stderr, stdout } = await serveUntilExit(options);
      expect(stderr).toMatch(new RegExp(`^agent-event-bus: ${variable} must be a whole number .*\\n$`));
      expect([code, stdout]).toEqual([78, ""]);
    }
  });
});

test.each([
  ["equal", "5000", "5000"],
  ["larger", "5001", "5000"],
  ["larger than the default", "4194304", undefined],
  ["than the default, which is larger", undefined, "1048576"],
])("a payload that may be %s to a body stops the start, naming both", async (_, payload, body) => {
  const env = Object.fromEntries(
    Object.entries({ PAYLOAD_BYTES: payload, BODY_BYTES: body })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [`AGENT_EVENT_BUS_LIMIT_${name}`, value ?? ""]),
  );
  const { code, stderr } = await serveUntilExit({ folder: tempFolder(), env });
  expect(stderr).toBe(
    `agent-event-bus: AGENT_EVENT_BUS_LIMIT_BODY_BYTES (${body ?? 4194304}) must be larger than AGENT_EVENT_BUS_LIMIT_PAYLOAD_BYTES (${payload ?? 1048576}), because a body holds the payload and more. See agent-event-bus serve --help.\n`,
  );
  expect(code).toBe(78);
});

test("a running bus holds what settings.env says, and what the environment says instead", async () => {
  const folder = tempFolder();
  writeSettings(folder, ["# limits", "AGENT_EVENT_BUS_LIMIT_TITLE_BYTES=10", "AGENT_EVENT_BUS_LIMIT_TAGS=2"]);
  const bus = await startBus("binary", { folder, env: { AGENT_EVENT_BUS_LIMIT_TAGS: "1" } });
  const event = { event_type: "t", payload: "p" };
  const says = (more: object) => problem(bus, "publish_event", { ...event, ...more });
  expect(await says({ title: "x".repeat(11) })).toContain(
    "title must be at most 10 bytes of UTF-8 (limit title_",
  );
  expect(await says({ tags: ["a", "b"] })).toContain("tags must have at most 1 items (limit tags)");
  const fits = await bus.call("publish_event", { ...event, title: "x".repeat(10), tags: ["a"] });
  expect(fits.event_id).toBe(1);
});
