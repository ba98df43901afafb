// Draws sentences of help, errors and pages at random: bun test/texts/draw.ts SEED [COUNT]. A seed always draws the same.
import { sentencesOf } from "./collect.ts";
import { readPlaces, saidIn } from "./places.ts";

/** Numbers from 0 to 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const [seed = "1", count = "50", only = ""] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const said = (await saidIn(readPlaces())).filter(({ path }) => new RegExp(only).test(path));
const all = said.flatMap(({ path, line, text }) =>
  sentencesOf(text)
    .filter((sentence) => sentence.split(" ").length > 3)
    .map((sentence) => `${sentence}\n      ${path}:${line}`),
);
for (let i = 0; i < Math.min(Number(count), all.length); i++) {
  const j = i + Math.floor(random() * (all.length - i));
  [all[i], all[j]] = [all[j] ?? "", all[i] ?? ""];
  console.log(`${String(i + 1).padStart(3)}. ${all[i]}`);
}
console.log(`${all.length} sentences, seed ${seed}`);
process.exit(0);
