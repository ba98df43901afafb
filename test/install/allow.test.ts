import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { allowStep, HARMLESS } from "../../src/install/allow.ts";
import { operations } from "../../src/operations/index.ts";
import { carry, PERSONS, place } from "../support/claude_settings.ts";

const ENTRIES = HARMLESS.map((tool) => `mcp__agent-event-bus__${tool}`);
const allowOf = (text: string) => JSON.parse(text).permissions?.allow;

test("harmless are the tools that stay within the bus: no webhooks, nothing on the user's screen, nothing destroyed", () => {
  const others = operations
    .filter(({ listed }) => listed !== false)
    .filter(({ name }) => !(HARMLESS as readonly string[]).includes(name));
  expect(others.every(({ name }) => /webhook|deliver(y|ies)$|^notify$/.test(name))).toBe(true);
  const harmless = operations.filter(({ name }) => (HARMLESS as readonly string[]).includes(name));
  expect(harmless).toHaveLength(HARMLESS.length);
  expect(harmless.filter(({ effect }) => effect === "destroys")).toEqual([]);
});

const FILES: [what: string, text: string | undefined][] = [
  ["no settings", undefined],
  ["a person's settings", PERSONS],
  ["settings without permissions", '{ "model": "opus" }'],
  ["permissions without allow", '{\n  "permissions": { "deny": ["Read(.env)"] }\n}\n'],
  ["an empty list", '{"permissions": {"allow": []}}'],
  ["one of ours in a list", '{"permissions": {"allow": ["mcp__agent-event-bus__ask", "Bash(ls:*)"]}}'],
];

test.each(FILES)(
  "%s: allowed, allowed again, and byte for byte as before with the hooks",
  async (_what, text) => {
    const { config, journal, install, remove, held } = place(text);
    const allow = () => carry(allowStep(config, journal()));
    await install();
    expect(await allow()).toEqual(["planned", undefined]);
    expect(allowOf(held())).toEqual(expect.arrayContaining(ENTRIES));
    const before = text === undefined ? [] : (allowOf(text) ?? []);
    expect(allowOf(held()).slice(0, before.length)).toEqual(before);
    expect(new Set(allowOf(held())).size).toBe(allowOf(held()).length);
    expect(await allow()).toEqual(["unchanged"]);
    await remove();
    if (text === undefined) expect(held).toThrow("ENOENT");
    else expect(held()).toBe(text);
  },
);

test.each(FILES.slice(1))(
  "%s: changed by others meanwhile, only our entries go",
  async (_what, text = "{}") => {
    const { config, journal, file, install, remove, held } = place(text);
    await install();
    await carry(allowStep(config, journal()));
    const changed = JSON.parse(held());
    writeFileSync(file, JSON.stringify({ ...changed, theirs: true }));
    expect((await remove())[0]).toBe("planned");
    expect(held()).toBe(JSON.stringify({ ...JSON.parse(text), theirs: true }));
  },
);

test.each(["mcp__agent-event-bus", "mcp__agent-event-bus__*"])(
  "%s allows all of them already",
  async (entry) => {
    const { config, journal } = place(JSON.stringify({ permissions: { allow: [entry] } }));
    expect(await carry(allowStep(config, journal()))).toEqual(["unchanged"]);
  },
);

test.each([
  ['{"permissions": []}', '"permissions" is an array where an object is expected'],
  ['{"permissions": {"allow": {}}}', '"permissions.allow" is an object where an array is expected'],
])("settings like %s are refused and stay", async (text, says) => {
  const { config, journal, held } = place(text);
  await expect(carry(allowStep(config, journal()))).rejects.toThrow(says);
  expect(held()).toBe(text);
});
