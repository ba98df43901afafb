// The pages that people read: links, length, sentences.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { root } from "./support/bus.ts";

const MOST_WORDS = 900;
const MOST_IN_A_SENTENCE = 25;

const PAGES = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src/http/mcp/guide.md", "test/bench/NOTES.md"],
  ...new Bun.Glob("docs/**/*.md").scanSync(root),
];
/** Those in which every sentence is short. */
const PLAIN_PAGES = [
  ...["README.md", "docs/backup.md", "docs/commands.md", "docs/performance.md", "docs/settings.md"],
  "test/bench/NOTES.md",
];

const read = (page: string) => readFileSync(join(root, page), "utf8");

/** A page without its code. */
const proseOf = (page: string) => read(page).replace(/^```[\s\S]*?^```$/gm, "");

interface Link {
  /** A path from the root, or the whole URL. */
  to: string;
  anchor: string;
}

function linksIn(page: string): Link[] {
  const written = [
    ...proseOf(page)
      .replace(/`[^`\n]*`/g, "")
      .matchAll(/\]\(([^)\s]+)\)|(?:href|src)="([^"]+)"/g),
  ];
  return written.map(([, markdown, html]) => {
    const [path = "", anchor = ""] = (markdown ?? html ?? "").split("#");
    const to = /^\w+:/.test(path) ? path : path === "" ? page : normalize(join(dirname(page), path));
    return { to, anchor };
  });
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** What a reader sees of a page before opening anything. */
const unfolded = (page: string) => page.replace(/<details>[\s\S]*?<\/details>/g, "");

const countWords = (text: string) => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

test.each(PAGES)("every link of %s leads to a file, and its anchor to a heading", (page) => {
  const dead = linksIn(page)
    .filter(({ to }) => !/^(https?|agent-event-bus|mailto):/.test(to))
    .filter(
      ({ to, anchor }) =>
        !existsSync(join(root, to)) ||
        (anchor !== "" && to.endsWith(".md") && !anchorsOf(to).includes(anchor)),
    );
  expect(dead).toEqual([]);
});

test("every page of docs is reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached)
    for (const { to } of linksIn(page)) if (to.endsWith(".md") && existsSync(join(root, to))) reached.add(to);
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});

describe("the README", () => {
  const shown = unfolded(read("README.md"));

  test(`has fewer than ${MOST_WORDS} words outside of its folds`, () => {
    console.log(`README: ${countWords(shown)} words outside of its folds`);
    expect(countWords(shown)).toBeLessThan(MOST_WORDS);
  });

  test("shows the recording and the installation in one line before anything else", () => {
    const [picture, install, try_, why] = [
      "](docs/demo.svg)",
      "```sh\n./install.sh\n```",
      "## Try it",
      "## Why",
    ].map((text) => shown.indexOf(text));
    const places = [0, picture, install, try_, why];
    expect(places).toEqual(places.toSorted((a = 0, b = 0) => a - b));
    expect(places).not.toContain(-1);
  });

  test("ends with what contributors need", () => {
    expect([...shown.matchAll(/^## (.+)$/gm)].at(-1)?.[1]).toBe("Development");
  });

  test("its picture is small, and asks for nothing from elsewhere", () => {
    const picture = read("docs/demo.svg");
    expect(picture.length).toBeLessThan(1_500_000);
    expect(picture).not.toMatch(/<script|href|url\(|@import|\/tmp\/|\/home\/|\/root\//);
  });
});

/** The sentences of a page, without its generated tables. Links count as their words, cells of tables as sentences. */
function sentencesOf(page: string): string[] {
  return proseOf(page)
    .replace(/^<!-- generated: \w+ -->$[\s\S]*?^<!-- end -->$/gm, "")
    .replace(/<[^>]+>/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .split(/\n\s*\n|\n(?=[-|>#]|\d+\. )|\||(?<=[.?!]["*)]*)\s+/)
    .map((sentence) => sentence.replace(/\s+/g, " ").trim());
}

test.each(PLAIN_PAGES)(`no sentence of %s has more than ${MOST_IN_A_SENTENCE} words`, (page) => {
  const sentences = sentencesOf(page);
  expect(sentences.length).toBeGreaterThan(5);
  expect(sentences.filter((sentence) => countWords(sentence) > MOST_IN_A_SENTENCE)).toEqual([]);
});
