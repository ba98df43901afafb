import type { Browser, Page } from "puppeteer-core";
import { EVENING } from "./made_up.ts";
import { OpenPage, WIDE } from "./real_page.ts";
import type { Served } from "./serve_made_up.ts";

export interface Look {
  viewport?: NonNullable<Parameters<Page["setViewport"]>[0]>;
  theme?: "light" | "dark";
}

const MINUTE_MS = 60_000;

/** Opens the page of a made-up bus, last looked at a quarter of an hour ago. */
export async function openMadeUp(
  browser: Browser,
  { url }: Served,
  { viewport = WIDE, theme = "light" }: Look = {},
): Promise<OpenPage> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const open = new OpenPage(page, new URL(url).origin);
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.evaluateOnNewDocument(
    (at) => localStorage.setItem("looked_at", String(at)),
    EVENING - 14 * MINUTE_MS,
  );
  await page.goto(url);
  await page.waitForSelector(".needs :is(.need, .nobody)");
  return open;
}
