import { BusError } from "../domain/context.ts";
import { ROTATION_MS } from "../domain/retry_schedule.ts";
import { kindProblem } from "../domain/source.ts";
import { operation } from "./operation.ts";
import { SECRET } from "./params.ts";
import { SOURCE_NAME, sourceNotFound } from "./sources.ts";
import { randomSecret, secretProblem } from "./webhooks.ts";

export const rotateSourceSecret = operation({
  name: "rotate_source_secret",
  about: "Give a source a new secret. The old secret stays valid for 24 h.",
  effect: "writes",
  tool: false,
  params: { name: SOURCE_NAME, secret: { ...SECRET, about: "New secret (default: random)" } },
  command: {
    name: "source rotate",
    words: [{ param: "name", placeholder: "NAME" }],
    examples: [["source rotate ci", "create a random secret"]],
  },
  async run(bus, { name, secret }) {
    const { sources } = bus.store;
    const source = (await sources.list()).find((one) => one.name === name);
    if (source === undefined) return sourceNotFound(name);
    const fresh = secret || randomSecret();
    const problem = kindProblem(source.kind, fresh) ?? secretProblem(fresh);
    if (problem !== null) throw new BusError("invalid", problem);
    const until = bus.now() + ROTATION_MS;
    if (!(await sources.rotate(name, fresh, until))) return sourceNotFound(name);
    const old = source.secret === null ? {} : { old_secret_until: new Date(until).toISOString() };
    return { success: true, name, secret: fresh, ...old };
  },
  print(result, to) {
    to.line(
      `New secret of ${to.text(result.name)}, which is not shown again: ${to.bold(to.text(result.secret))}`,
    );
    if (result.old_secret_until !== undefined)
      to.line(`The old secret stays valid until ${to.time(result.old_secret_until)}.`);
    else to.line("From now on, its messages must be signed.");
  },
});
