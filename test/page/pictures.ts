// Makes the pictures of the page from made-up data, after npm run build: bun test/page/pictures.ts [FOLDER [PART OF NAME]]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openMadeUp } from "./made_up_page.ts";
import { closeBrowsers, type OpenPage, startBrowser } from "./real_page.ts";
import { serveMadeUp } from "./serve_made_up.ts";

const SIZES = { phone: [390, 844], tablet: [1024, 768], desktop: [1440, 900], wide: [1920, 1080] } as const;
const THEMES = ["light", "dark"] as const;

/** Does something on the page before its picture is made. */
const SCENES: Readonly<Record<string, (open: OpenPage) => Promise<unknown>>> = {
  "": async () => undefined,
  "-thread": ({ page }) => page.click('.ev[data-id="19"]'),
  "-stream": ({ page }) => page.click(".tabs button:nth-child(3)"),
  "-sessions": ({ page }) => page.click(".tabs button:nth-child(2)"),
  "-trouble": ({ page }) => page.click(".tabs button:nth-child(4)"),
};

async function picture(
  folder: string,
  kind: "normal" | "many" | "none" | "shapes",
  size: keyof typeof SIZES,
) {
  const [width, height] = SIZES[size];
  for (const theme of THEMES)
    for (const [scene, play] of Object.entries(SCENES)) {
      const isForPhone = ["-stream", "-sessions", "-trouble"].includes(scene);
      if (scene !== "" && (kind !== "normal" || isForPhone !== (size === "phone"))) continue;
      const served = serveMadeUp({ needs: kind, many: kind === "many" });
      const viewport = { width, height, ...(size === "phone" && { isMobile: true, hasTouch: true }) };
      const open = await openMadeUp(await startBrowser(), served, { viewport, theme });
      await play(open);
      await Bun.sleep(600);
      const name = `${kind === "normal" ? "" : `${kind}-`}${size}-${theme}${scene}.png`;
      await open.page.screenshot({ path: join(folder, name) as `${string}.png` });
      for (const problem of open.problems) console.log(`${name}: ${problem}`);
      served.stop();
      await closeBrowsers();
    }
}

const [folder = "pictures", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const kind of ["normal", "none", "many", "shapes"] as const)
  for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[])
    if (`${kind}-${size}`.includes(only)) await picture(folder, kind, size);
process.exit(0);
