// Opens dialogs in the database of an engine and answers each, until it is killed. Prints each event's payload once it is acknowledged.
import { NEED_ANSWERED } from "../../src/domain/answer_need.ts";
import { addressed } from "../../src/domain/delivery_policy.ts";
import { openAt } from "./open_at.ts";

const store = await openAt(process.argv[2] ?? "", { now: Date.now });
const active = await store.webhooks.active();
const dialog = {
  ...({ kind: "permission", session_id: "s", text: "t" } as const),
  ...{ tool: null, input: null, cwd: null, branch: null, since: new Date().toISOString(), answerable: true },
};
for (;;) {
  const { need_id } = await store.needs.open({ ...dialog, key: crypto.randomUUID() });
  const payload = `need ${need_id}`;
  const draft = { event_type: NEED_ANSWERED, payload, session_id: "human", channel: "all", origin: "person" };
  const given = { answer: { behavior: "allow" }, by: "person", via: "shell" } as const;
  await store.append(addressed(draft, active, { kind: "answer", needId: need_id, ...given }));
  await Bun.write(Bun.stdout, `${payload}\n`);
}
