import { operation } from "../../src/operations/operation.ts";

/** An operation that the program does not have: whatever it appears in is derived from this declaration. */
export const countWords = operation({
  name: "count_words",
  about: "Count the words of a text.",
  effect: "reads",
  params: {
    text: { type: "text", max: 100, about: "What to count" },
    at_least: { type: "integer", default: 1, min: 1, max: 9, about: "Shortest word" },
  },
  commands: [{ name: "count", examples: [['count --text "one two"', "two"]] }],
  async run(bus, { text, at_least }) {
    const words = text.split(" ").filter((word) => word.length >= at_least);
    return { words: words.length, tip: await bus.store.events.tip() };
  },
  print(result, to) {
    to.line(`${to.text(result.words)} words`);
  },
});
