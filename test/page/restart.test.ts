// A page that is open while its bus is killed and started again.
import { afterAll, expect } from "bun:test";
import type { Page } from "puppeteer-core";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { closeBrowsers, signedIn, startBrowser, testInBrowser } from "./real_page.ts";

const EVENTS = 10_000;
const KILLS = 3;

let bus: ProcessBus | undefined;

afterAll(async () => {
  await closeBrowsers();
  await bus?.kill();
  removeFolders();
});

async function publish(to: ProcessBus, from: number, count: number): Promise<number[]> {
  const ids: number[] = [];
  const STEP = 100;
  for (let i = 0; i < count; i += STEP) {
    const some = Array.from({ length: STEP }, (_, k) =>
      to.call("publish_event", { event_type: "note", payload: `event ${from + i + k}` }),
    );
    for (const { event_id } of await Promise.all(some)) ids.push(event_id);
  }
  return ids;
}

/** The ids of the rows as they stand, from the oldest to the newest: scrolls up until nothing older comes, then down. */
async function idsShown(page: Page, oldest: number): Promise<number[]> {
  return page.evaluate(async (first) => {
    const log = document.querySelector('[role="log"]');
    if (log === null) throw new Error("the page has no log");
    const rows = () =>
      Array.from(log.querySelectorAll("[data-id]"), (row) => Number(row.getAttribute("data-id")));
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    while (!rows().includes(first)) {
      log.scrollTop = 0;
      await drawn();
    }
    const seen: number[] = [];
    for (let still = 0; still < 10; ) {
      const at = log.scrollTop;
      const here = rows();
      if (new Set(here).size < here.length) throw new Error(`a row stands twice: ${here}`);
      // Rows that stay are the same as before.
      const known = seen.slice(-here.length * 2);
      seen.push(...here.filter((id) => !known.includes(id)));
      log.scrollTop += log.clientHeight * 0.9;
      await drawn();
      still = log.scrollTop === at ? still + 1 : 0;
    }
    return seen;
  }, oldest);
}

testInBrowser(
  `a page misses none of ${EVENTS} events and doubles none while its bus is killed ${KILLS} times`,
  async () => {
    bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
    const open = await signedIn(await startBrowser(), bus);
    const ids: number[] = [];
    const part = EVENTS / (2 * KILLS + 2);
    for (let kill = 0; kill <= KILLS; kill++) {
      ids.push(...(await publish(bus, ids.length, 100 * Math.round(part / 100))));
      if (kill === KILLS) break;
      await bus.kill();
      if (kill === 0) await open.shows("The bus has not answered since");
      bus = await startBus("binary", { folder: bus.folder, port: bus.port, outlives: true });
      // Stored before the page is back.
      ids.push(...(await publish(bus, ids.length, 100 * Math.round(part / 100))));
    }
    while (ids.length < EVENTS) ids.push(...(await publish(bus, ids.length, 100)));
    await open.shows(`event ${EVENTS - 1}`);
    await open.hides("The bus has not answered since");
    const sorted = ids.toSorted((a, b) => a - b);
    const shown = await idsShown(open.page, sorted[0] ?? 0);
    expect(shown).toEqual(sorted);
    open.expectNoProblem();
  },
  240_000,
);
