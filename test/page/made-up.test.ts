// The page on made-up data: accessibility, the keyboard, the click guard, and a stream that stands still.
import { afterAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { root } from "../support/bus.ts";
import { eventually } from "../support/webhook.ts";
import { idOf, needs } from "./made_up.ts";
import type { Made } from "./made_up_bus.ts";
import { type Look, openMadeUp } from "./made_up_page.ts";
import { closeBrowsers, PHONE, startBrowser, testInBrowser, WIDE } from "./real_page.ts";
import { type Served, serveMadeUp } from "./serve_made_up.ts";

const servers: Served[] = [];

afterAll(async () => {
  await closeBrowsers();
  for (const served of servers) served.stop();
});

let browser: ReturnType<typeof startBrowser> | undefined;

async function opened(made: Made = {}, look: Look = {}) {
  const served = serveMadeUp(made);
  servers.push(served);
  browser ??= startBrowser();
  const open = await openMadeUp(await browser, served, look);
  return { bus: served.bus, served, open, page: open.page };
}

const AXE = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function violations(page: Page): Promise<string[]> {
  const session = await page.createCDPSession();
  // The page's own policy would refuse it.
  await session.send("Runtime.evaluate", { expression: AXE });
  await session.detach();
  return page.evaluate(async (tags) => {
    // A colour on its way to another one is not measured.
    await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
    const { axe } = window as unknown as { axe: { run(what: Document, how: object): Promise<never> } };
    const found: { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] } =
      await axe.run(document, { runOnly: tags });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
  }, RULES);
}

const KINDS = ["normal", "many", "none", "shapes"] as const;
/** These have every colour and shape. */
const MOST_COLOURS: readonly (typeof KINDS)[number][] = ["normal", "shapes"];

for (const theme of ["light", "dark"] as const)
  for (const [size, viewport] of [
    ["wide", WIDE],
    ["phone", PHONE],
  ] as const)
    testInBrowser(
      `axe finds nothing on a ${size} page, ${theme}`,
      async () => {
        for (const kind of theme === "light" ? KINDS : MOST_COLOURS) {
          const { open, page } = await opened({ needs: kind, many: kind === "many" }, { theme, viewport });
          expect(await violations(page)).toEqual([]);
          if (viewport === PHONE && MOST_COLOURS.includes(kind))
            for (const tab of [2, 3, 4]) {
              await page.click(`.tabs button:nth-child(${tab})`);
              expect(await violations(page)).toEqual([]);
            }
          if (viewport === WIDE) {
            await page.click(".ev");
            await page.keyboard.press("?");
            expect(await violations(page)).toEqual([]);
          }
          open.expectNoProblem();
          await page.close();
        }
      },
      120_000,
    );

testInBrowser("the oldest need is answered with the keyboard alone", async () => {
  const { bus, open, page } = await opened();
  await page.keyboard.press("n");
  await eventually("a card has the focus", () =>
    page.evaluate(() => document.activeElement?.getAttribute("data-need") === "1"),
  );
  await page.keyboard.press("2");
  await open.shows("You answered docs-2: API reference");
  expect(bus.calls.filter(({ operation }) => operation === "answer")).toEqual([
    { operation: "answer", args: { need_id: 1, words: ["API reference"] } },
  ]);
  await open.hides("You answered docs-2");
  await page.keyboard.press("n");
  await page.keyboard.press("d");
  await open.shows("You denied migrate this command");
  open.expectNoProblem();
});

testInBrowser("several questions are answered at once, options by their numbers", async () => {
  const { bus, open, page } = await opened({ needs: "shapes" });
  await Bun.sleep(500);
  await page.click('[data-need="1"] .ask:nth-of-type(1) label:nth-child(3)');
  await page.click('[data-need="1"] .ask:nth-of-type(1) label:nth-child(1)');
  await page.type('[data-need="1"] .ask:nth-of-type(2) .field input', "Never");
  await page.click('[data-need="1"] .acts .btn');
  await open.shows("You answered api: Web, iOS, Everyone · Never");
  expect(bus.calls.at(-1)?.args).toEqual({ need_id: 1, words: ["1, 3", "Never"] });
});

testInBrowser("a click on a card that has just moved does nothing", async () => {
  const { bus, open, page } = await opened();
  await Bun.sleep(600);
  const box = await page.$eval('[data-need="2"] .acts .btn:last-child', (button) =>
    button.getBoundingClientRect().toJSON(),
  );
  bus.close(1);
  await open.hides("Where should it go?\n");
  // The first card is gone, and the next one has taken more room.
  await page.waitForFunction(() => document.querySelector('[data-need="1"]') === null);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await Bun.sleep(100);
  expect(bus.calls.some(({ operation }) => operation === "answer")).toBe(false);
});

testInBrowser("a need that its terminal answers says so, then goes", async () => {
  const { bus, open } = await opened();
  bus.close(2);
  await open.shows("Answered in its terminal");
  await open.hides("Answered in its terminal");
  await open.hides("wants to run Bash");
});

testInBrowser("a new need comes last, and no card moves", async () => {
  const { bus, open, page } = await opened();
  const places = () =>
    page.$$eval(".need", (cards) => cards.map((card) => JSON.stringify(card.getBoundingClientRect())));
  const before = await places();
  bus.ask({
    ...(needs()[0] as never as object),
    need_id: 99,
    name: "late",
    since: new Date(0).toISOString(),
  } as never);
  await open.shows("late");
  expect(await places()).toEqual(before);
  expect(await page.title()).toBe("(4) agent-event-bus");
});

testInBrowser("a reader of older events stays where they are while new ones come", async () => {
  const { bus, open, page } = await opened({ older: 3_000 });
  await page.$eval(".log", (log) => {
    log.scrollTop -= 1_500;
  });
  await open.shows("Newest");
  await Bun.sleep(300);
  const top = () =>
    page.$$eval(".log .ev", (rows) => {
      const edge = document.querySelector(".log")?.getBoundingClientRect().top ?? 0;
      const row = rows.find((one) => one.getBoundingClientRect().top >= edge);
      return `${row?.getAttribute("data-id")} ${Math.round(row?.getBoundingClientRect().top ?? 0)}`;
    });
  const before = await top();
  for (let i = 0; i < 5; i++) {
    bus.appendMany(20);
    await Bun.sleep(100);
  }
  await open.shows("Newest 100");
  expect(await top()).toBe(before);
  await page.click(".newest .btn");
  await open.shows(`Event ${bus.events.length}`);
  open.expectNoProblem();
});

testInBrowser("a message that was not sent stays, and says why", async () => {
  const { bus, open, page } = await opened();
  bus.refuse("publish_event", "The bus is full");
  await page.type("#message", "keep me");
  await page.keyboard.press("Enter");
  await open.shows("Not sent: The bus is full.");
  expect(await page.$eval("#message", (field) => (field as HTMLTextAreaElement).value)).toBe("keep me");
  bus.refuse("publish_event", undefined);
  await page.keyboard.press("Enter");
  await eventually("it is sent", () => bus.events.some(({ payload }) => payload === "keep me"));
  expect(bus.events.at(-1)).toMatchObject({ session_id: "human", channel: `session:${idOf("api")}` });
});

testInBrowser("while the bus is away, drafts stay and nothing can be sent", async () => {
  const { served, open, page } = await opened();
  await page.type("#message", "a draft");
  served.away();
  await open.shows("The bus has not answered since");
  const disabled = () =>
    page.$$eval(".opts button, .send .main", (all) => all.map((one) => (one as HTMLButtonElement).disabled));
  expect(new Set(await disabled())).toEqual(new Set([true]));
  served.back();
  await open.hides("The bus has not answered since");
  expect(new Set(await disabled())).toEqual(new Set([false]));
  expect(await page.$eval("#message", (field) => (field as HTMLTextAreaElement).value)).toBe("a draft");
});
