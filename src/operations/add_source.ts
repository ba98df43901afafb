import { BusError } from "../domain/context.ts";
import { limitNote } from "../domain/limits.ts";
import { kindProblem, needsSecret, SOURCE_KINDS, sourceNameProblem } from "../domain/source.ts";
import { operation } from "./operation.ts";
import { SECRET } from "./params.ts";
import { pathOf, SOURCE_NAME, TEMPLATE } from "./sources.ts";
import { randomSecret, secretProblem } from "./webhooks.ts";

export const addSource = operation({
  name: "add_source",
  about: "Let a program publish by HTTP, like CI or a monitor.",
  effect: "writes",
  tool: false,
  params: {
    kind: { type: "text", max: 32, choices: SOURCE_KINDS, about: SOURCE_KINDS.join(", ") },
    name: SOURCE_NAME,
    secret: { ...SECRET, about: "Proves what it sends (github, gitlab: random if absent)" },
    channel: { ...TEMPLATE, about: "Channel, e.g. repo:{repository.name}" },
    event_type: { ...TEMPLATE, flag: "type", about: "Type of its events" },
    level: { ...TEMPLATE, about: "lifecycle, info or actionable" },
    title: { ...TEMPLATE, about: "Headline of its events" },
  },
  command: {
    name: "source add",
    words: [{ param: "kind", placeholder: "KIND" }],
    examples: [
      ["source add github --name ci", "a red run wakes the session of its branch"],
      ["source add text --name backup --channel @human", "what cron sends is a message to you"],
      [
        'source add json --name deploys --type deployed --channel "repo:{service}"',
        "a name in braces is a value of the body",
      ],
    ],
    after: (result, { here }) => ({ ...result, url: here.link(pathOf(String(result.name)).slice(1)) }),
  },
  async run(bus, { kind, name, secret, ...mapping }) {
    const problem = sourceNameProblem(name) ?? kindProblem(kind, secret) ?? secretProblem(secret);
    if (problem !== null) throw new BusError("invalid", problem);
    const kept = secret || (needsSecret(kind) ? randomSecret() : null);
    const { store, limits } = bus;
    const chosen = Object.fromEntries(Object.entries(mapping).filter(([, text]) => text));
    const source = await store.sources.add({ name, kind, secret: kept, mapping: chosen }, limits.sources);
    if (source !== null)
      return { name, kind, path: pathOf(name), ...(kept !== null && { secret: kept }), ...chosen };
    const isTaken = (await store.sources.list()).some((one) => one.name === name);
    throw new BusError(
      "invalid",
      isTaken
        ? `There is already a source ${name}. Choose another name, or remove that one first: agent-event-bus source rm ${name}`
        : `There are already ${limits.sources} sources${limitNote("sources")}. Remove one first.`,
    );
  },
  print(result, to) {
    to.line(
      `Source ${to.bold(to.text(result.name))} added. It sends to ${to.text(result.url ?? result.path)}`,
    );
    if (result.secret !== undefined)
      to.line(`Its secret, which is not shown again: ${to.bold(to.text(result.secret))}`);
    else to.prose("On other machines, the sender needs a token with the scope publish.");
  },
});
