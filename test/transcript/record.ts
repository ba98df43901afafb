// Records how an executable answers: bun test/transcript/record.ts EXECUTABLE [--sentences]. With --sentences only the
// new wording of what people read is written, beside the old one.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { removeFolders } from "../support/folder.ts";
import { drive, type Transcript } from "./drive.ts";

export const ANSWERS = join(import.meta.dir, "answers.jsonl");
export const SENTENCES = join(import.meta.dir, "sentences.json");

/** Old and new wording of what people read, by the place where it stands. */
export type Wordings = Readonly<Record<string, { old: string; new: string }>>;

export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8"));

/** One line for each answer: the step, and what came back. */
export function linesOf(answers: Transcript["answers"]): string {
  return Object.entries(answers)
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join("");
}

if (import.meta.main) {
  const [program = "", only] = process.argv.slice(2);
  const { answers, sentences } = await drive(resolve(program));
  removeFolders();
  const old = only === "--sentences" ? readJson<Wordings>(SENTENCES) : {};
  const wordings = Object.entries(sentences).map(([at, text]) => [
    at,
    { old: old[at]?.old ?? text, new: text },
  ]);
  writeFileSync(SENTENCES, `${JSON.stringify(Object.fromEntries(wordings), null, 2)}\n`);
  if (only !== "--sentences") writeFileSync(ANSWERS, linesOf(answers));
  console.log(`${Object.keys(answers).length} answers, ${wordings.length} sentences`);
  process.exit(0);
}
