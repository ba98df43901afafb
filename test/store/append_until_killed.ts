// Appends to the database at a path until it is killed, and prints each payload once its append is acknowledged.
import { append } from "../../src/domain/publish.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";

const path = process.argv[2] ?? "";
const store = openStore(path, lockDatabase(path), { now: Date.now });
const draft = { event_type: "note", session_id: "sender", channel: "all", origin: "local" };
const run = crypto.randomUUID();
for (let i = 0; ; i++) {
  const { payload } = await append(store, { ...draft, payload: `${run} ${i}` });
  await Bun.write(Bun.stdout, `${payload}\n`);
}
