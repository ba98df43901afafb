import type { Bus } from "../domain/context.ts";
import type { Need } from "../domain/need.ts";
import type { NeedView } from "../domain/need_watch.ts";

/** Shows the dialogs that stand, a notification each, and withdraws it when the dialog is answered or gone. */
export function needNotices(bus: Bus, withdraw: (group: string) => Promise<void>): NeedView {
  const unless = (doing: Promise<unknown>) =>
    doing.catch((error) => bus.warn(`could not notify the user: ${error}`));
  return {
    show(need) {
      // Other needs are events, which have notifications of their own.
      if (need.event_id === null) unless(show(bus, need));
    },
    end(need) {
      if (need.event_id === null) unless(withdraw(groupOf(need)));
    },
  };
}

async function show(bus: Bus, need: Need): Promise<void> {
  const session = await bus.store.sessions.get(need.session_id);
  const title = `✋ ${session?.name ?? need.session_id} is waiting for you`;
  await bus.notify({ title, subtitle: session?.repo ?? "", message: need.text, group: groupOf(need) });
}

function groupOf({ need_id }: Need): string {
  return `waits-${need_id}`;
}
