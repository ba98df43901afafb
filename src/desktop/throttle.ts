import type { Notification } from "../domain/context.ts";
import type { Desktop } from "./notifier.ts";

/** Notifications of a group since the last one was shown. */
interface Held extends PromiseWithResolvers<boolean> {
  count: number;
  newest?: Notification;
}

const APART_MS = 1_000;
const MOST_APART_MS = 32_000;

/**
 * Spaces the notifications of a group. The first one is shown at once. The newest of those of the next second is shown after
 * it, with the number of the others. The time doubles, up to 32 s, until nothing came in it. Notifications without a group
 * are shown at once.
 */
export function createThrottle(
  desktop: Desktop,
  later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms).unref(),
): Desktop {
  const groups = new Map<string, Held>();

  function close(group: string, ms: number): void {
    const held = nothingHeld();
    groups.set(group, held);
    later(() => {
      const { newest, count, resolve } = groups.get(group) ?? held;
      groups.delete(group);
      if (newest === undefined) return;
      close(group, Math.min(ms * 2, MOST_APART_MS));
      resolve(desktop.show(counted(newest, newest.others ?? count - 1)));
    }, ms);
  }

  return {
    show(notification) {
      const { group } = notification;
      const held = group === undefined ? undefined : groups.get(group);
      if (held === undefined) {
        if (group !== undefined) close(group, APART_MS);
        return desktop.show(counted(notification, notification.others ?? 0));
      }
      held.newest = notification;
      held.count++;
      return held.promise;
    },
    withdraw(group) {
      const held = groups.get(group);
      if (held !== undefined) {
        groups.set(group, nothingHeld());
        held.resolve(false);
      }
      return desktop.withdraw(group);
    },
  };
}

function nothingHeld(): Held {
  return { count: 0, ...Promise.withResolvers<boolean>() };
}

// Puts the number in front, because the end of a long message may be cut.
function counted(notification: Notification, others: number): Notification {
  return others === 0
    ? notification
    : { ...notification, message: `(and ${others} more) ${notification.message}` };
}
