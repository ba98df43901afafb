// How the page bears a busy bus: 100,000 stored events, 30 sessions, 50 events a second. PAGE_MINUTES=10 watches its memory for
// that long.
import { afterAll, expect } from "bun:test";
import type { Page } from "puppeteer-core";
import { seed } from "../bench/seed.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { closeBrowsers, signedIn, startBrowser, testInBrowser, WIDE } from "./real_page.ts";

const MINUTES = Number(process.env.PAGE_MINUTES ?? 0.25);
const SESSIONS = 30;
const PER_SECOND = 50;
const SCROLL_MS = 8_000;

let bus: ProcessBus | undefined;

afterAll(async () => {
  await closeBrowsers();
  await bus?.kill();
  removeFolders();
});

async function busyBus(): Promise<ProcessBus> {
  const folder = tempFolder(true);
  const first = await startBus("binary", { folder, outlives: true });
  await first.stop();
  seed(first.db, 100_000);
  const busy = await startBus("binary", { folder, outlives: true });
  for (let i = 0; i < SESSIONS; i++)
    await busy.call("register_session", {
      name: `agent-${i}`,
      client_id: `client-${i}`,
      cwd: `/src/repo-${i % 6}`,
    });
  return busy;
}

/** Publishes until it is ended. Returns how many so far. */
function publishing(to: ProcessBus): { count(): number; end(): void } {
  let published = 0;
  const timer = setInterval(() => {
    const from = published++ % SESSIONS;
    const isDirect = from % 3 === 0;
    void to.call("publish_event", {
      event_type: isDirect ? "question" : "progress",
      payload: `event ${published}: ${"words of a message ".repeat(1 + (published % 8))}`,
      channel: isDirect ? `session:agent-${(from + 1) % SESSIONS}` : "all",
      session_id: `agent-${from}`,
    });
  }, 1000 / PER_SECOND);
  return { count: () => published, end: () => clearInterval(timer) };
}

async function scroll(page: Page): Promise<void> {
  const until = performance.now() + SCROLL_MS;
  await page.mouse.move(WIDE.width / 2 + 200, WIDE.height / 2 + 100);
  for (let up = true; performance.now() < until; up = !up)
    for (let i = 0; i < 30 && performance.now() < until; i++) {
      await page.mouse.wheel({ deltaY: up ? -240 : 240 });
      await Bun.sleep(16);
    }
}

testInBrowser(
  "with 100,000 events and 50 more a second the page stays small",
  async () => {
    bus = await busyBus();
    const { page, ...open } = await signedIn(await startBrowser(), bus, WIDE);
    await page.waitForSelector("[data-id]");
    await page.reload();
    await page.waitForSelector("[data-id]");
    const rows = await page.evaluate(() => Math.round(performance.now()));
    console.log(`first paint ${await paint(page)} ms, first rows ${rows} ms after a reload`);

    const publisher = publishing(bus);
    await page.evaluate(watchFrames);
    await scroll(page);
    console.log(`while scrolling: ${JSON.stringify(await page.evaluate(framesSeen))}`);
    const objects: number[] = [];
    const nodes: number[] = [];
    const STEPS = 5;
    for (let step = 0; step <= STEPS; step++) {
      const { JSHeapUsedSize = 0, Nodes = 0 } = await collected(page);
      objects.push(Math.round(JSHeapUsedSize / 1e5) / 10);
      nodes.push(Nodes);
      if (step < STEPS) await Bun.sleep((MINUTES * 60_000) / STEPS);
    }
    publisher.end();
    console.log(
      `${MINUTES} minutes, ${publisher.count()} events: objects ${objects.join(" ")} MB, nodes ${nodes.join(" ")}`,
    );
    expect(objects.at(-1)).toBeLessThan(2 * Math.max(8, objects[0] ?? 0));
    expect(nodes.at(-1)).toBeLessThan(2 * (nodes[0] ?? 0));
    expect(open.problems).toEqual([]);
  },
  (MINUTES + 3) * 60_000,
);

async function paint(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1),
  );
}

async function collected(page: Page) {
  const session = await page.createCDPSession();
  await session.send("HeapProfiler.collectGarbage");
  await session.detach();
  return page.metrics();
}

declare global {
  interface Window {
    frames_: number[];
    long_: number[];
  }
}

function watchFrames(): void {
  window.frames_ = [];
  window.long_ = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.long_.push(Math.round(duration));
  }).observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now: number) => {
    window.frames_.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function framesSeen() {
  const sorted = window.frames_.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return {
    frames: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    longest: at(1),
    over50: sorted.filter((ms) => ms > 50).length,
    longTasks: window.long_,
  };
}
