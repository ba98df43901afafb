// Appends to the database of an engine until it is killed, and prints each payload once its append is acknowledged.
import { append } from "../../src/domain/publish.ts";
import { openAt } from "./open_at.ts";

const store = await openAt(process.argv[2] ?? "", { now: Date.now });
const draft = { event_type: "note", session_id: "sender", channel: "all", origin: "local" };
const run = crypto.randomUUID();
for (let i = 0; ; i++) {
  const { payload } = await append(store, { ...draft, payload: `${run} ${i}` });
  await Bun.write(Bun.stdout, `${payload}\n`);
}
