import { subscribedChannels } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { liveSessions } from "./present.ts";

export const listChannels = operation({
  name: "list_channels",
  about: "List channels and their subscribers.",
  effect: "reads",
  scope: "read",
  params: {},
  command: { name: "channels", examples: [["channels", "which channels have subscribers"]] },
  async run(bus) {
    const counts = new Map<string, number>();
    for (const channel of (await liveSessions(bus)).flatMap(subscribedChannels))
      counts.set(channel, (counts.get(channel) ?? 0) + 1);
    return [...counts.keys()].sort().map((channel) => ({ channel, subscribers: counts.get(channel) ?? 0 }));
  },
  print(result, to) {
    const channels = result.result as Json[];
    if (channels.length === 0) return to.line("No channels, because there are no live sessions.");
    to.table(
      [{ title: "CHANNEL", min: 20 }, { title: "SUBSCRIBERS" }],
      channels.map((channel) => [to.text(channel.channel), to.text(channel.subscribers)]),
    );
  },
});
