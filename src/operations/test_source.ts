import { levelOf } from "../domain/level.ts";
import { operation } from "./operation.ts";
import { SOURCE_NAME, sourceNotFound } from "./sources.ts";

export const testSource = operation({
  name: "test_source",
  about: "Show the event that a source's message would become. Nothing is published.",
  effect: "reads",
  tool: false,
  params: {
    name: SOURCE_NAME,
    body: {
      type: "text",
      optional: true,
      max: "arrival_bytes",
      about: "Body to try (default: a made-up one)",
    },
    event: { type: "text", optional: true, max: 64, about: "Kind of GitHub's event, e.g. workflow_run" },
  },
  command: {
    name: "source test",
    words: [{ param: "name", placeholder: "NAME" }],
    examples: [
      ["source test ci", "a made-up message"],
      ["source test ci --body - < body.json", "a message of your own"],
    ],
    before: async (args, _flags, here) => (args.body === "-" ? { ...args, body: await here.stdin() } : args),
  },
  async run({ store, inbound }, { name, body, event }) {
    const source = (await store.sources.list()).find((one) => one.name === name);
    if (source === undefined) return sourceNotFound(name);
    const found = inbound.preview(source, { ...(body !== undefined && { body }), event });
    if ("problem" in found) return { error: `Nothing would be published. ${found.problem}`, name };
    if ("ignored" in found) return { name, ignored: found.ignored };
    const { level, ...shown } = found;
    return { name, ...shown, signal_level: levelOf({ ...found, explicit_level: level }) };
  },
  print(result, to) {
    if (result.ignored !== undefined)
      return to.prose(`Nothing would be published, because this is ${to.text(result.ignored)}.`);
    to.line(
      `${to.bold(to.text(result.event_type))} to ${to.text(result.channel)}, ${to.text(result.signal_level)}`,
    );
    if (result.title !== undefined) to.line(`  ${to.text(result.title)}`);
    to.block(String(result.payload), "  ");
  },
});
