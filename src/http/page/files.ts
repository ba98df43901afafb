import { pageFile } from "./bundle.ts" with { type: "macro" };

/** The files of the page by their paths, gzipped, in base64. */
export const FILES: Readonly<Record<string, string>> = {
  "/": pageFile("page.html"),
  "/page/page.js": pageFile("main.tsx"),
  "/page/page.css": pageFile("page.css"),
  "/page/icon.svg": pageFile("icon.svg"),
};
