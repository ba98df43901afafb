// Writes wording.md, old and new wording of every text: bun test/texts/wording.ts COMMIT
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Places, ROOT, readPlaces, saidIn } from "./places.ts";

export const WORDING = join(import.meta.dir, "wording.md");

/** A changed text, as cells. `old` is "" for a new one, `next` for one that is gone. */
interface Change {
  old: string;
  next: string;
}

/** The same files as they were at a commit. A file that was not there has no text. */
function placesAt(commit: string, now: Places): Places {
  const at = (path: string) => {
    try {
      const show = ["show", `${commit}:${path}`];
      return execFileSync("git", show, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  };
  const sources = Object.keys(now.sources).map((path) => [path, at(`src/${path}`)]);
  const pages = Object.keys(now.pages).map((path) => [path, at(path)]);
  return { sources: Object.fromEntries(sources), pages: Object.fromEntries(pages) };
}

/** What differs between two lists of texts, in their order. Texts that replace each other stand beside each other. */
export function changesOf(before: readonly string[], after: readonly string[]): Change[] {
  const kept = longestCommon(before, after);
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  for (const text of [...kept, undefined]) {
    const gone: string[] = [];
    const come: string[] = [];
    while (i < before.length && before[i] !== text) gone.push(before[i++] ?? "");
    while (j < after.length && after[j] !== text) come.push(after[j++] ?? "");
    for (let k = 0; k < Math.max(gone.length, come.length); k++)
      changes.push({ old: gone[k] ?? "", next: come[k] ?? "" });
    i++;
    j++;
  }
  return changes;
}

function longestCommon(a: readonly string[], b: readonly string[]): string[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (lengths[i] as number[])[j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const common: string[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; )
    if (a[i] === b[j]) {
      common.push(a[i++] ?? "");
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  return common;
}

const HEAD = `# Old and new wording

Made by \`bun test/texts/wording.ts COMMIT\` from the texts at that commit, and read line by line. \`…\` stands for a value.
`;

/** One line, without what ends a cell. */
const cell = (text: string) => text.replace(/\s+/g, " ").trim().replaceAll("|", "\\|");

export function pageOf(changes: ReadonlyMap<string, readonly Change[]>): string {
  const tables = [...changes].map(([path, rows]) => {
    const lines = rows.map(({ old, next }) => `| ${old} | ${next} |`);
    return `\n## ${path}\n\n| Old | New |\n| --- | --- |\n${lines.join("\n")}\n`;
  });
  return HEAD + tables.join("");
}

/** The rows of the page by their file, as cells. */
export function rowsIn(page: string): { path: string; old: string; next: string }[] {
  return page.split(/^## /m).flatMap((section) => {
    const [path = "", ...lines] = section.split("\n");
    return lines
      .filter((line) => line.startsWith("| ") && !/^\| (Old \||---)/.test(line))
      .map((line) => {
        const [, old = "", next = ""] = line.split(/(?<!\\)\|/).map((text) => text.trim());
        return { path, old, next };
      });
  });
}

/** The texts of each file, as cells. */
export async function cellsIn(places: Places): Promise<Map<string, string[]>> {
  const said = await saidIn(places);
  const byPath = Map.groupBy(said, ({ path }) => path);
  return new Map([...byPath].map(([path, texts]) => [path, texts.map(({ text }) => cell(text))]));
}

if (import.meta.main) {
  const now = readPlaces();
  const [before, after] = [await cellsIn(placesAt(process.argv[2] ?? "HEAD", now)), await cellsIn(now)];
  const changes = [...after.keys()].map(
    (path) => [path, changesOf(before.get(path) ?? [], after.get(path) ?? [])] as const,
  );
  const changed = changes.filter(([, rows]) => rows.length > 0);
  writeFileSync(WORDING, pageOf(new Map(changed)));
  console.log(`${changed.flatMap(([, rows]) => rows).length} texts in ${changed.length} files`);
  process.exit(0);
}
