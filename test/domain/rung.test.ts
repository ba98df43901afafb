import { expect, test } from "bun:test";
import { MOD_LEASE_MS, type Rung, rungOf } from "../../src/domain/rung.ts";

const NOW = Date.UTC(2026, 0, 31, 8);
const ended = { rung: "mod", rung_until: NOW } as const;
const living = { rung: "mod", rung_until: NOW + 1 } as const;
const none = { rung: null, rung_until: 0 } as const;

const cases: [what: string, facts: Omit<Parameters<typeof rungOf>[0], "session_id">, held: boolean, Rung][] =
  [
    ["a mod that was heard of", { ...living, state: "idle" }, false, "mod"],
    ["a mod that asked just now", { ...living, rung_until: NOW + MOD_LEASE_MS, state: "idle" }, true, "mod"],
    ["a mod at work", { ...living, state: "busy" }, false, "mod"],
    ["a silent mod beside a held waiter", { ...ended, state: "idle" }, true, "waiter"],
    ["a silent mod of an idle session", { ...ended, state: "idle" }, false, "hooks"],
    [
      "a lease from before the clock went back",
      { ...living, rung_until: NOW + 2 * MOD_LEASE_MS, state: "idle" },
      true,
      "waiter",
    ],
    ["a held waiter", { ...none, state: "idle" }, true, "waiter"],
    ["a call of the agent's own that waits", { ...none, state: "busy" }, true, "hooks"],
    ["hooks at work", { ...none, state: "busy" }, false, "hooks"],
    ["idle hooks", { ...none, state: "idle" }, false, "hooks"],
    ["no hooks", { ...none, state: null }, false, "polls"],
    ["no hooks, while a call waits", { ...none, state: null }, true, "polls"],
  ];

test.each(cases)("%s", (_, facts, held, rung) => {
  const place = { now: NOW, isHeld: (id: string) => held && id === "s" };
  expect(rungOf({ session_id: "s", ...facts }, place)).toBe(rung);
});
