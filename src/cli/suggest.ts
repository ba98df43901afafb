import { editDistance } from "../lib/edit_distance.ts";
import type { CliCommand } from "./commands.ts";

/**
 * The known word that a mistyped one most likely means. Undefined if no word is near. One of `commands` that adds something
 * must be a single edit away. One that changes what is there is never proposed.
 */
export function suggestion(
  word: string,
  known: readonly string[],
  commands: readonly Pick<CliCommand, "name" | "effect">[] = [],
): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near === undefined) return undefined;
  const effect = commands.find(({ name }) => name === near.candidate)?.effect ?? "reads";
  const most = { reads: Math.max(1, Math.floor(word.length / 3)), adds: 1, changes: -1 }[effect];
  return near.distance <= most ? near.candidate : undefined;
}
