// docs/scale.md: its commands are typed as they stand there, with a server and ports of the test.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { dumpOfFile, writeFull } from "../support/moving.ts";
import { shellBlocks } from "../support/page.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, type Server, startPostgres } from "../support/postgres.ts";

let server: Server | undefined;
afterAll(async () => {
  await server?.kill();
  removeFolders();
});

test.skipIf(noPostgres !== null)(
  "docs/scale.md, from an empty server to a copy of its database",
  async () => {
    server = await startPostgres(await freePort());
    const home = tempFolder();
    mkdirSync(join(home, "bin"));
    symlinkSync(binary, join(home, "bin", "agent-event-bus"));
    const data = join(home, ".claude/contrib/agent-event-bus");
    mkdirSync(data, { recursive: true });
    writeFull(join(data, "data.db"));
    const before = dumpOfFile(join(data, "data.db"));
    const [first, second] = [await freePort(), await freePort()];
    const script = shellBlocks("docs/scale.md")
      .flatMap(({ commands }) => commands)
      .join("\n")
      .replaceAll("db.example.com", `127.0.0.1:${server.port}`)
      .replaceAll("8081", String(first))
      .replaceAll("8082", String(second));
    const child = Bun.spawn(["bash", "-ec", script], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${join(home, "bin")}:${process.env.PATH}`,
        ...{ PGHOST: "127.0.0.1", PGPORT: String(server.port), PGUSER: "bus" },
      },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, stderr]).toEqual([0, expect.stringMatching(/^Older events: .*\n$/)]);
    expect(stdout).toContain("for every bus");
    for (const port of [first, second]) expect(stdout).toMatch(new RegExp(`buses .*:${port}`));
    expect(stdout).not.toContain("choose-another-one");
    expect(Bun.file(join(data, "bus.dump")).size).toBeGreaterThan(1_000);
    const after = dumpOfFile(join(home, "bus-alone.db"));
    for (const name of ["arrivals", "mail", "sources"]) expect(after[name]).toEqual(before[name]);
    expect(after.tokens).toEqual(expect.arrayContaining(before.tokens as object[]));
    const events = after.events as { payload: string }[];
    expect(events.slice(0, -1)).toEqual(before.events as typeof events);
    expect(events.at(-1)?.payload).toBe("for every bus");
  },
);
