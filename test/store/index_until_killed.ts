// Fills the index of texts of a new database until it is killed, and prints how far that has come.
import { append } from "../../src/domain/publish.ts";
import { openAt } from "./open_at.ts";

const EVENTS = 20_000;
const store = await openAt(process.argv[2] ?? "", { now: Date.now });
const draft = { event_type: "note", session_id: "sender", channel: "all", origin: "local" };
const payload = (i: number) => `number ${i % (EVENTS / 10)} of many words that are the same everywhere`;
await Promise.all(Array.from({ length: EVENTS }, (_, i) => append(store, { ...draft, payload: payload(i) })));
for (;;) {
  await Bun.write(Bun.stdout, `${JSON.stringify(store.search.progress())}\n`);
  await Bun.sleep(1);
}
