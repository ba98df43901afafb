// Text of others on the page: it is shown as text, and the signs that hide or turn it are drawn.
import { afterAll, expect } from "bun:test";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { closeBrowsers, PHONE, signedIn, startBrowser, testInBrowser, WIDE } from "./real_page.ts";

const MARKUP = `<img src=x onerror="window.harmed=1"><script>window.harmed=1</script><b>bold</b>`;
const TURNED = "allow\u202Eyned\u202C\u2066\u200B\u00ad\u3164\ufe0e\u{e0041}\u0007\u001b[31m";

let bus: ProcessBus | undefined;

afterAll(async () => {
  await closeBrowsers();
  await bus?.kill();
  removeFolders();
});

for (const [name, viewport] of [
  ["a wide screen", WIDE],
  ["a phone", PHONE],
] as const)
  testInBrowser(`markup and signs in every field are text, on ${name}`, async () => {
    bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
    const { call } = bus;
    const cwd = `/src/${MARKUP.replaceAll("/", "")}`;
    const session = { name: MARKUP, client_id: MARKUP, cwd, branch: MARKUP, machine: MARKUP };
    const { session_id } = await call("register_session", session);
    for (const text of [MARKUP, TURNED]) {
      const event = { event_type: text, payload: text, title: text, tags: [text], session_id };
      await call("publish_event", { ...event, channel: `repo:${text}` });
      await call("publish_event", { ...event, event_type: "help_needed" });
      await call("publish_event", { ...event, channel: "session:human", correlation_id: text });
      await call("publish_event", { ...event, channel: `session:${session_id}` });
    }
    const open = await signedIn(await startBrowser(), bus, viewport);
    await open.shows(viewport === WIDE ? "onerror" : "Needs you");
    const { page } = open;
    await page.waitForFunction(() => document.body.textContent?.includes("onerror"));
    const found = await page.evaluate(() => ({
      harmed: "harmed" in window,
      foreign: document.querySelectorAll("img, b > b, #page script").length,
      raw: [
        document.body.textContent ?? "",
        ...Array.from(document.querySelectorAll("*"), (one) =>
          ["title", "aria-label", "placeholder"].map((name) => one.getAttribute(name) ?? "").join("\n"),
        ),
      ].filter((text) => /(?![\n\t])[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(text)),
    }));
    expect(found).toEqual({ harmed: false, foreign: 0, raw: [] });
    open.expectNoProblem();
    await closeBrowsers();
    await bus.kill();
  });
