import { expect, test } from "bun:test";
import { addSource, github, type Sent, send, workflowRun } from "../support/arrivals.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

const ARRIVALS = 1_000;
const SENDERS = 8;
const KILLS = 8;

/** Sends an arrival until it is answered, and some of them twice. The bus may be away meanwhile. */
async function deliver(bus: () => ProcessBus, sent: Sent, twice: boolean): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < (twice ? 2 : 1)) {
    const answer = await send(bus(), "ci", sent).catch(() => undefined);
    if (answer?.status === 200) ids.push(answer.json.event_id);
    else await Bun.sleep(20);
  }
  return ids;
}

/** Every event that came of the source. */
async function all(bus: ProcessBus): Promise<{ tags: string[] }[]> {
  const found = [];
  for (let cursor = "0"; ; ) {
    const page = await bus.call("get_events", {
      cursor,
      order: "asc",
      limit: 500,
      event_types: ["ci_failed"],
    });
    if (page.events.length === 0) return found;
    found.push(...page.events);
    cursor = page.next_cursor;
  }
}

test("of 1,000 arrivals with repetitions, kills and restarts, each is one event", async () => {
  const folder = tempFolder();
  let bus = await startBus("binary", { folder });
  const { port } = bus;
  const secret = await addSource(bus, { kind: "github", name: "ci" });
  const arrivals = Array.from({ length: ARRIVALS }, (_, id) =>
    github(secret, "workflow_run", workflowRun({ id, branch: `b${id}` })),
  );
  const told = new Map<number, number>();
  const waiting = [...arrivals.keys()];
  const senders = Array.from({ length: SENDERS }, async () => {
    for (let i = waiting.shift(); i !== undefined; i = waiting.shift()) {
      const ids = await deliver(() => bus, arrivals[i] as Sent, i % 3 === 0);
      expect(new Set(ids).size).toBe(1);
      told.set(i, ids[0] ?? 0);
    }
  });
  for (let kill = 1; kill <= KILLS; kill++) {
    while (told.size < (kill * ARRIVALS) / (KILLS + 1)) await Bun.sleep(2);
    if (kill % 2 === 0) await bus.kill();
    else await bus.stop();
    bus = await startBus("binary", { folder, port });
  }
  await Promise.all(senders);
  const last = await Promise.all(arrivals.map((sent) => send(bus, "ci", sent)));
  expect(last.filter(({ json }) => json.duplicate !== true)).toEqual([]);
  expect(last.map(({ json }) => json.event_id)).toEqual([...arrivals.keys()].map((i) => told.get(i)));
  const branches = (await all(bus)).map(({ tags }) => tags[0]);
  expect(branches).toHaveLength(ARRIVALS);
  expect(new Set(branches).size).toBe(ARRIVALS);
}, 240_000);
