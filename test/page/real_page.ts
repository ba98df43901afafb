// The page in a real browser: Debian's chromium, driven by puppeteer-core.
import { expect, test } from "bun:test";
import puppeteer, { type Browser, type ElementHandle, type Page } from "puppeteer-core";
import { cliOnTerminal } from "../support/cli.ts";
import { eventually } from "../support/webhook.ts";

const chromium = Bun.which("chromium");
if (chromium === null) console.log("skipped: the page in a browser, no command chromium");
export const hasBrowser = chromium !== null;
export const testInBrowser = test.skipIf(!hasBrowser);

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

/** For a machine that is busy with other things. */
const PATIENCE_MS = 30_000;

const browsers: Browser[] = [];

/** The name of another site, which leads to this machine as the bus's does. */
export const ELSEWHERE = "elsewhere.example";

/** A browser of its own profile, until `closeBrowsers`. */
export async function startBrowser(): Promise<Browser> {
  const browser = await puppeteer.launch({
    executablePath: chromium ?? "",
    args: [
      ...["--no-sandbox", "--headless=new", "--disable-dev-shm-usage", "--disable-gpu"],
      `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`,
    ],
  });
  browsers.push(browser);
  return browser;
}

/** Ends every browser of this file. */
export async function closeBrowsers(): Promise<void> {
  for (const browser of browsers.splice(0)) await browser.close();
}

/** One open page of the bus, with what went wrong in it. */
export class OpenPage {
  readonly page: Page;
  /** Errors of its program, breaches of its policy, and requests to elsewhere. */
  readonly problems: string[] = [];

  constructor(page: Page, origin: string) {
    this.page = page;
    page.on("pageerror", (error) => this.problems.push(`${error}`));
    page.on("console", (message) => {
      const text = message.text();
      // The browser itself reports a lost connection.
      if (message.type() === "error" && !text.includes("net::ERR_")) this.problems.push(text);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(origin) && !url.startsWith("data:")) this.problems.push(`asks ${url}`);
    });
  }

  /** All that is shown. */
  text(): Promise<string> {
    // biome-ignore lint/performance/useDomNodeTextContent: hidden text is not shown
    return this.page.evaluate(() => document.body.innerText);
  }

  async shows(text: string, ms = PATIENCE_MS): Promise<void> {
    const seen = async () => (await this.text()).includes(text);
    await eventually(`the page shows "${text}"`, seen, ms).catch(async (error) => {
      throw new Error(`${error.message}; it shows:\n${await this.text()}\n${this.problems.join("\n")}`);
    });
  }

  async hides(text: string, ms = PATIENCE_MS): Promise<void> {
    await eventually(`"${text}" is gone`, async () => !(await this.text()).includes(text), ms);
  }

  /** The button whose accessible name holds the text. */
  async button(name: string): Promise<ElementHandle<Element>> {
    for (let tries = 0; tries < 100; tries++) {
      for (const handle of await this.page.$$("button:not(:disabled)"))
        if ((await nameOf(handle)).includes(name)) return handle;
      await Bun.sleep(100);
    }
    throw new Error(`no button "${name}" on the page:\n${await this.text()}`);
  }

  async click(name: string): Promise<void> {
    const handle = await this.button(name);
    // A click right after something moved is ignored, so that nobody answers the wrong card.
    await Bun.sleep(450);
    await handle.click();
  }

  /** Nothing went wrong in it. */
  expectNoProblem(): void {
    expect(this.problems).toEqual([]);
  }
}

async function nameOf(handle: ElementHandle): Promise<string> {
  return handle.evaluate((element) => element.getAttribute("aria-label") ?? element.textContent ?? "");
}

/** The link that `agent-event-bus open` prints to its user, in a terminal of theirs. */
export async function linkOf(bus: { url: string }): Promise<string> {
  const shown = Bun.stripANSI(await cliOnTerminal(["open", "--no-browser"], { bus }));
  const link = /http:\/\/\S+#code=\S+/.exec(shown)?.[0];
  if (link === undefined) throw new Error(`open printed no link: ${shown}`);
  return link;
}

/** Opens the page of a bus and signs in. */
export async function signedIn(
  browser: Browser,
  bus: { url: string },
  viewport: Parameters<Page["setViewport"]>[0] = WIDE,
): Promise<OpenPage> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport(viewport);
  const open = new OpenPage(page, new URL(bus.url).origin);
  await page.goto(await linkOf(bus));
  await page.waitForSelector(".needs :is(.need, .nobody)");
  return open;
}
