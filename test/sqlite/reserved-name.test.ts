import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { rowsOf } from "../support/original.ts";
import { writeOwn } from "../support/schemas.ts";

test("a session that has the person's name gets another one, keeps its mail, and is told", async () => {
  const folder = tempFolder();
  const path = join(folder, "data.db");
  writeOwn(path, 10);
  const db = new Database(path);
  db.run(`UPDATE sessions SET id = 'human', name = 'Human', client_id = 'human' WHERE id = 's-a';
    UPDATE mail SET recipient = 'human', seen_at = NULL WHERE recipient = 's-a';
    UPDATE claims SET name = 'human'; UPDATE aliases SET session_id = 'human';
    INSERT INTO mail (recipient, event_id) VALUES ('@human', 2);`);
  db.close();

  const bus = await startBus("binary", { folder });
  const sessions = (await bus.call("list_sessions")).result;
  const renamed = sessions.find((one: { session_id: string }) => one.session_id === "session-human");
  expect(renamed).toMatchObject({ name: "session-Human", client_id: "session-human" });
  const hook = { client_id: "session-human", machine: "m1", path: "prompt" };
  const { events } = await bus.call("collect_events", hook);
  const said =
    'This session was called "Human", which is now reserved for the user. Its new name is "session-Human".';
  expect(events.map(({ payload }: { payload: string }) => payload)).toEqual(["to a", said]);
  expect(await bus.stop()).toBe(0);
  expect(rowsOf(path, "claims")).toMatchObject([{ name: "session-human" }]);
  expect(rowsOf(path, "aliases")).toMatchObject([{ session_id: "session-human" }]);
  expect(rowsOf(path, "mail").map(({ recipient }) => recipient)).not.toContain("human");
});
