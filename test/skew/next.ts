// The executable of a release after this one, which brings one more migration: built from a copy of these sources.
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { NEWEST } from "../../src/postgres/schema.ts";
import { root } from "../support/bus.ts";

/** Adds to tables that buses read and write all the time. */
const MIGRATION = `  {
    version: NEWEST + 1,
    least: 1,
    text: \`ALTER TABLE events ADD COLUMN mood text;
      ALTER TABLE sessions ADD COLUMN mood text;
      ALTER TABLE needs ADD COLUMN mood text NOT NULL DEFAULT 'calm';
      ALTER TABLE webhooks ADD COLUMN mood text;
      ALTER TABLE deliveries ADD COLUMN mood text;
      CREATE TABLE moods (name text PRIMARY KEY)\`,
  },
`;
/** The list of migrations without its end. */
const LIST = /export const MIGRATIONS\b.*?(?=^\];$)/ms;
const LEFT_OUT = new Set([".git", "node_modules", "dist"]);

/** Builds it in a folder. Returns its path. */
export async function next(folder: string): Promise<string> {
  const sources = join(folder, "next");
  cpSync(root, sources, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(root, path)) });
  symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
  const schema = join(sources, "src/postgres/schema.ts");
  const text = readFileSync(schema, "utf8");
  if (!LIST.test(text)) throw new Error("the list of migrations is not where a further one is put");
  const further = MIGRATION.replace("NEWEST + 1", String(NEWEST + 1));
  writeFileSync(
    schema,
    text.replace(LIST, (list) => list + further),
  );
  const built = Bun.spawn([process.execPath, "build/binary.ts"], {
    cwd: sources,
    stdout: "ignore",
    stderr: "pipe",
  });
  if ((await built.exited) !== 0)
    throw new Error(`the next executable cannot be built: ${await new Response(built.stderr).text()}`);
  return join(sources, "dist/agent-event-bus");
}
