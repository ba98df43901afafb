import { expect, test } from "bun:test";
import { percentile } from "../support/webhook.ts";
import { play, type Tally } from "./day/play.ts";
import { FormerRules, TheseRules } from "./day/rules.ts";
import { makeDay, TEAM } from "./day/trace.ts";

const SEED = 15;
const BYTES_PER_TOKEN = 4;

interface Both {
  former: Tally;
  these: Tally;
}

async function played(faults: boolean): Promise<Both> {
  const day = makeDay(SEED, faults);
  const both = {
    former: await play(new FormerRules(), day),
    these: await play(await TheseRules.start(), day),
  };
  console.log(
    `24 hours of ${TEAM.length} sessions, ${faults ? "a runaway publisher and two thankful sessions among them" : "an ordinary day"}`,
  );
  console.table({ before: rowOf(both.former), now: rowOf(both.these) });
  return both;
}

function rowOf({ wakes, handOvers, bytes, delays, wrong, lost }: Tally) {
  return {
    wakes,
    "hand-overs": handOvers,
    bytes,
    "tokens (bytes / 4)": Math.round(bytes / BYTES_PER_TOKEN),
    messages: delays.length,
    "seen after: median, s": percentile(delays, 0.5) / 1000,
    "longest, s": Math.max(...delays) / 1000,
    "not once": wrong,
    lost,
  };
}

test("an ordinary day wakes less and costs less; every message arrives once, and nothing is lost", async () => {
  const { former, these } = await played(false);
  for (const { wrong, lost } of [former, these]) expect({ wrong, lost }).toEqual({ wrong: 0, lost: 0 });
  expect(these.wakes).toBeLessThan(former.wakes / 2);
  expect(these.bytes).toBeLessThan(former.bytes * 0.7);
}, 120_000);

test("a runaway publisher and two thankful sessions cost hardly anything: a fifth of the bytes that it was", async () => {
  const { former, these } = await played(true);
  expect([former.wrong, former.lost, these.wrong]).toEqual([0, 0, 0]);
  // What is beyond a thousand is counted with a bound.
  expect(these.lost).toBeLessThanOrEqual(0);
  expect(these.wakes).toBeLessThan(former.wakes / 3);
  expect(these.bytes).toBeLessThan(former.bytes / 5);
}, 120_000);
