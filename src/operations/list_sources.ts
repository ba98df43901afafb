import type { Column } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { sourceView } from "./sources.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME" },
  { title: "KIND" },
  { title: "SECRET", drop: 1 },
  { title: "CHANNEL", min: 12, drop: 3 },
  { title: "TYPE", min: 8, drop: 2 },
  { title: "LAST EVENT" },
  { title: "REFUSED" },
];

export const listSources = operation({
  name: "list_sources",
  about: "List the programs that publish by HTTP.",
  effect: "reads",
  tool: false,
  params: {},
  command: { name: "source list", examples: [["source list", "who sends, and when it last did"]] },
  async run({ store, inbound }) {
    return (await store.sources.list()).map((source) => sourceView(source, inbound.refusals(source.name)));
  },
  print(result, to) {
    const sources = result.result as Json[];
    if (sources.length === 0) return to.line("No sources.");
    to.table(
      COLUMNS,
      sources.map((source) => [
        to.bold(to.text(source.name)),
        to.text(source.kind),
        source.has_secret === true ? "yes" : "no",
        to.text(source.channel ?? "by its kind"),
        to.text(source.event_type ?? "by its kind"),
        to.ago(source.last_arrival),
        source.refused === 0 ? "0" : to.colour("trouble", to.text(source.refused)),
      ]),
    );
    for (const source of sources.filter(({ refused }) => refused !== 0))
      to.note(
        `Refused from ${to.text(source.name)}, last ${to.ago(source.last_refused)}: ${to.text(source.refused_because)}`,
      );
  },
});
