import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";

const WORDS = 25;
const VOCABULARY = 5_000;
const PAGE = 50;
const PATIENCE_MS = 800_000;

/** A word that about one event of four holds, one of ten events, and a text that only some parts of exist. */
const COMMON = "common";
const RARE = "needle-4711";
const PHRASE = "common needle";
const ABSENT = "commonneedle";

/** Adds events of so many words, drawn as in a language: few of them are most of a text. */
function seedTexts(path: string, count: number): void {
  const db = new Database(path, { readwrite: true });
  db.run("PRAGMA synchronous = OFF");
  let state = 7;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const syllables = "ka to re mi sun ber lo the ing er st an ver con pro tion de al or en qu ex ph wi".split(
    " ",
  );
  const syllable = () => syllables[Math.floor(random() * syllables.length)] ?? "";
  const words = Array.from({ length: VOCABULARY }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, syllable).join(""),
  );
  const insert = db.prepare(`INSERT INTO events (event_type, payload, session_id, timestamp, channel, origin)
    VALUES ('note', ?, 'bench', ?, 'all', 'local')`);
  db.transaction(() => {
    for (let i = 0; i < count; i++) {
      const text = Array.from({ length: WORDS }, () => words[Math.floor(random() ** 2 * VOCABULARY)]);
      if (i % 4 === 0) text[3] = COMMON;
      if (i % Math.floor(count / 10) === 7) text.splice(3, 2, COMMON, RARE);
      insert.run(text.join(" "), new Date(1_700_000_000_000 + i * 1_000).toISOString());
    }
  })();
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

/** Waits until the index has every event; resolves with the time that took, s. */
async function filled({ port }: Server): Promise<number> {
  const began = performance.now();
  for (;;) {
    const { search } = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as {
      search?: unknown;
    };
    const seconds = (performance.now() - began) / 1_000;
    if (search === undefined) return seconds;
    if (seconds * 1_000 > PATIENCE_MS) throw new Error("the index was not filled in time");
    await Bun.sleep(1_000);
  }
}

async function speedOf(bench: Bench, { port }: Server, text: string): Promise<number> {
  const bodies = [toolCall("get_events", { limit: PAGE, text })];
  const job = { task: "closed", port, path: "/mcp", bodies, expects: "next_cursor", connections: 1 } as const;
  const { p50 } = await bench.load({ ...job, warmMs: 200, ms: bench.quick ? 500 : 3_000 });
  return p50 ?? Number.NaN;
}

export const search: Row = {
  name: "search",
  further: true,
  async run(bench) {
    const count = bench.quick ? 100_000 : 1_000_000;
    const empty = await bench.startBus();
    await empty.stop();
    const path = join(empty.folder, "data.db");
    seedTexts(path, count);
    const before = statSync(path).size / 1e6;
    const bus = await bench.startBus(empty.folder);
    const seconds = await filled(bus);
    const events = `${count.toLocaleString("en")} events`;
    const target = { of: "ours", most: 50 } as const;
    const figures: Figure[] = [];
    for (const [what, text] of Object.entries({
      rare: RARE,
      common: COMMON,
      phrase: PHRASE,
      absent: ABSENT,
      none: "zzyzzxq",
    }))
      figures.push({
        what: `search, ${PAGE}, ${what}: ${events}`,
        unit: "ms",
        ours: await speedOf(bench, bus, text),
        floor: undefined,
        floorIs: "",
        target,
      });
    await bus.stop();
    const note = `index filled beside other work in ${seconds.toFixed(0)} s`;
    const ours = statSync(path).size / 1e6;
    const size = { what: `file with the index, ${events}`, unit: "MB", ours, floor: before } as const;
    return [...figures, { ...size, floorIs: "without", target: undefined, note }];
  },
};
