// Other sites in the browser of a user who is signed in.
import { afterAll, beforeAll, expect } from "bun:test";
import type { Browser, Page } from "puppeteer-core";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { closeBrowsers, ELSEWHERE, hasBrowser, signedIn, startBrowser, testInBrowser } from "./real_page.ts";

let bus: ProcessBus;
let browser: Browser;
/** A page of another site in the browser that is signed in. */
let foreign: Page;
let origin: string;
let needId: number;
const site = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () =>
    new Response("<!doctype html><title>elsewhere</title>", { headers: { "content-type": "text/html" } }),
});

beforeAll(async () => {
  if (!hasBrowser) return;
  bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
  await bus.call("register_session", { name: "api", client_id: "api" });
  await bus.call("publish_event", {
    event_type: "help_needed",
    payload: "secret of the user",
    session_id: "api",
  });
  [{ need_id: needId }] = (await bus.call("list_needs")).result;
  browser = await startBrowser();
  const open = await signedIn(browser, bus);
  await open.shows("secret of the user");
  foreign = await open.page.browserContext().newPage();
  origin = new URL(bus.url).origin;
});

afterAll(async () => {
  await closeBrowsers();
  await site.stop(true);
  await bus?.kill();
  removeFolders();
});

/** Another name is another site. Another port of the same name is another origin of the same site, and gets the cookie. */
for (const name of [ELSEWHERE, "127.0.0.1"])
  testInBrowser(`a page of ${name} reads nothing and answers nothing`, async () => {
    await foreign.goto(`http://${name}:${site.port}/`);
    const read = await foreign.evaluate(
      async (base, body) => {
        const read: string[] = [];
        const look = async (path: string, init: RequestInit) => {
          try {
            const answer = await fetch(base + path, { ...init, credentials: "include" });
            read.push(await answer.text());
          } catch {
            // The browser refuses, as it should.
          }
        };
        for (const path of ["/api/needs", "/api/stream", "/api/sessions", "/metrics", "/page/page.js"])
          for (const mode of ["cors", "no-cors"] as const) await look(path, { mode });
        for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"])
          for (const mode of ["cors", "no-cors"] as const)
            await look("/api/answer", { method: "POST", mode, headers: { "content-type": type }, body });
        return read.join("");
      },
      origin,
      JSON.stringify({ need_id: needId, words: ["gone"] }),
    );
    expect(read).toBe("");
    expect((await bus.call("list_needs")).result).toHaveLength(1);
  });

testInBrowser("a form of another site that posts an answer is refused", async () => {
  await foreign.goto(`http://${ELSEWHERE}:${site.port}/`);
  const [answer] = await Promise.all([
    foreign.waitForNavigation(),
    foreign.evaluate(
      (base, id) => {
        const form = document.createElement("form");
        form.method = "post";
        form.enctype = "text/plain";
        form.action = `${base}/api/answer`;
        const field = document.createElement("input");
        field.name = `{"need_id":${id},"words":["gone`;
        field.value = '"]}';
        form.append(field);
        document.body.append(form);
        form.submit();
      },
      origin,
      needId,
    ),
  ]);
  expect(answer?.status()).toBe(403);
  expect((await bus.call("list_needs")).result).toHaveLength(1);
});

testInBrowser("the page stands in no frame", async () => {
  await foreign.goto(`http://${ELSEWHERE}:${site.port}/`);
  await foreign.evaluate((base) => {
    const frame = document.createElement("iframe");
    frame.src = `${base}/`;
    document.body.append(frame);
    return new Promise((resolve) => frame.addEventListener("load", resolve));
  }, origin);
  const framed = foreign.frames().find((frame) => frame !== foreign.mainFrame());
  expect(await framed?.content()).not.toContain("agent-event-bus");
});

testInBrowser("a name that leads to this machine is no name of the bus", async () => {
  const answer = await foreign.goto(`http://${ELSEWHERE}:${bus.port}/`);
  expect(answer?.status()).toBe(421);
});

testInBrowser("a link on another site opens the page, which is signed in", async () => {
  await foreign.goto(`http://${ELSEWHERE}:${site.port}/`);
  await Promise.all([
    foreign.waitForNavigation(),
    foreign.evaluate((base) => {
      const link = document.createElement("a");
      link.href = `${base}/`;
      document.body.append(link);
      link.click();
    }, origin),
  ]);
  await foreign.waitForFunction(() => document.body.textContent?.includes("secret of the user"));
});
