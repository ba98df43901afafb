import { PERSON } from "../domain/event.ts";
import { machineOf } from "../domain/machine.ts";
import { operation } from "./operation.ts";
import { MACHINE, MACHINE_ID } from "./params.ts";
import { liveSessions } from "./present.ts";

export const summarize = operation({
  name: "summarize",
  about: "Count who is here, what is unread and what waits for the user.",
  effect: "reads",
  scope: "read",
  listed: false,
  params: {
    client_id: {
      type: "text",
      optional: true,
      max: "id_bytes",
      about: "Count the unread messages of this client's session, or of this session",
    },
    machine: MACHINE,
    machine_id: MACHINE_ID,
  },
  async run(bus, { client_id, ...stated }) {
    const { mail, needs, sessions } = bus.store;
    const session =
      client_id === undefined
        ? undefined
        : ((await sessions.byClient(machineOf(bus, stated), client_id)) ?? (await sessions.get(client_id)));
    return {
      here: (await liveSessions(bus)).length,
      ...(session !== undefined && { name: session.name }),
      unread: await mail.count(session?.session_id ?? PERSON),
      needs: (await needs.standing()).length,
    };
  },
});
