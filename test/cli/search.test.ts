import { expect, test } from "bun:test";
import { searchWords } from "../../src/install/search_words.ts";
import { fresh, join, publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";

const bus = await startHere();
const run = (...args: string[]) => cli(["events", "--json", ...args], { bus });
const ids = async (...args: string[]) =>
  (await run(...args)).json().events.map(({ id }: { id: number }) => id);

test("events finds by text, sender, recipient, time and what is older", async () => {
  const [name, word] = [fresh("sender"), fresh("word")];
  const { session_id } = await join(bus, { name });
  const first = await publish(bus, `a ${word} b`, { session_id, channel: "repo:x" });
  const second = await publish(bus, word);
  expect(await ids("--grep", word.toUpperCase())).toEqual([second, first]);
  expect(await ids("--grep", word, "--from", name)).toEqual([first]);
  expect(await ids("--grep", word, "--to", "all")).toEqual([second]);
  expect(await ids("--grep", word, "--before", String(second))).toEqual([first]);
  for (const since of ["1h", "today", "2020-01-01", "2020-01-01T10:00"])
    expect(await ids("--grep", word, "--since", since)).toEqual([second, first]);
  expect(await ids("--grep", word, "--since", "2100-01-01")).toEqual([]);
});

test.each(["noon", "1 hour", "2026-02-30", "25:00", "-1h"])(
  "--since %s is refused in one sentence",
  async (since) => {
    const { code, stdout, stderr } = await cli(["events", `--since=${since}`], { bus });
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toContain(`--since takes a time like 1h, 14:00, yesterday or 2026-11-01, not "${since}".`);
  },
);

test("an unknown name is refused with a hint", async () => {
  const { code, stderr } = await cli(["events", "--from", "nobody-here"], { bus });
  expect(code).toBe(1);
  expect(stderr).toContain('No session called "nobody-here" is known here.');
});

test("status tells how far an index has come, and nothing of one that is not behind", () => {
  expect(searchWords({ indexed: 430_000, events: 1_000_000 })).toBe(
    "indexes older events: 43 % (430,000 of 1,000,000)",
  );
  expect(searchWords({ indexed: 999_999, events: 1_000_000 })).toContain("99 %");
  for (const none of [null, undefined, "x"]) expect(searchWords(none)).toBeNull();
});
