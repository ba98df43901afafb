import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readTexts, type Texts } from "../../build/sources.ts";
import { partsOfPage, type Said, textsOf } from "./collect.ts";

export const ROOT = resolve(import.meta.dir, "../..");

/** Pages that are checked besides those below docs. */
const PAGES = ["src/http/mcp/guide.md", "CHANGELOG.md"];

/** Files with texts for users: sources by their paths below src, pages by those in the repository. */
export interface Places {
  sources: Texts;
  pages: Texts;
}

export function readPlaces(): Places {
  const docs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  const paths = [...PAGES, ...docs.map((name) => `docs/${name}`)];
  const pages = paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]);
  return { sources: readTexts(join(ROOT, "src")), pages: Object.fromEntries(pages) };
}

/** Every text of the places, in their order. */
export async function saidIn({ sources, pages }: Places): Promise<Said[]> {
  const parts = Object.entries(pages).flatMap(([path, page]) => partsOfPage(path, current(path, page)));
  return [...(await textsOf(sources)), ...parts];
}

/** Of the changelog only what is not released yet. Without tables that are made from the sources. */
function current(path: string, page: string): string {
  const text = page.replace(/<!-- generated[\s\S]*?<!-- end -->/g, (made) => made.replace(/[^\n]/g, ""));
  return path === "CHANGELOG.md" ? (text.split(/^## /m)[1] ?? "") : text;
}
