import { Icon, type IconName } from "./icons.tsx";
import { isForYou } from "./parties.ts";
import { undelivered, waiting } from "./state.ts";
import { deliveryOf } from "./stream_state.ts";
import type { Event } from "./types.ts";

export interface Sign {
  icon: IconName;
  words: string;
  look: string;
}

/** How far a direct message came, as a sign and a word. Undefined for other events. */
export function deliverySign(event: Event, isAnswered: boolean): Sign | undefined {
  if (undelivered.value.has(event.id)) return { icon: "lost", words: "not delivered", look: "fail" };
  if (event.id < 0 || (isForYou(event) && waiting.value.has(event.id)))
    return { icon: "dot_wait", words: "waiting", look: "wait" };
  const delivery = deliveryOf(event);
  if (isForYou(event) && isAnswered) return { icon: "acked", words: "answered", look: "acked" };
  return delivery === undefined ? undefined : { icon: delivery, words: delivery, look: delivery };
}

export function Delivery({ sign }: { sign: Sign | undefined }) {
  if (sign === undefined) return <span class="dl" />;
  const { icon, words, look } = sign;
  return (
    <span class={`dl ${look}`} title={words}>
      <Icon name={icon} />
      <span>{words}</span>
    </span>
  );
}
