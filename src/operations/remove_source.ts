import { operation } from "./operation.ts";
import { SOURCE_NAME, sourceNotFound } from "./sources.ts";

export const removeSource = operation({
  name: "remove_source",
  about: "Remove a source. Its events stay.",
  effect: "destroys",
  tool: false,
  params: { name: SOURCE_NAME },
  command: {
    name: "source rm",
    words: [{ param: "name", placeholder: "NAME" }],
    examples: [["source rm ci", "take no more from ci"]],
  },
  async run({ store }, { name }) {
    return (await store.sources.remove(name)) ? { success: true, name } : sourceNotFound(name);
  },
  print(result, to) {
    to.line(`Source ${to.text(result.name)} removed`);
  },
});
