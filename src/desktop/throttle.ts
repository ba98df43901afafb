import type { Notification } from "../domain/context.ts";

type Show = (notification: Notification) => Promise<boolean>;

/** Notifications of a group since the last one was shown. */
interface Held extends PromiseWithResolvers<boolean> {
  count: number;
  newest?: Notification;
}

const APART_MS = 1_000;

/**
 * Shows at most one notification of a group per second. The newest of those that come sooner is shown after the second, with
 * the number of the others. Notifications without a group are shown at once.
 */
export function createThrottle(
  show: Show,
  later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms).unref(),
): Show {
  const groups = new Map<string, Held>();

  function close(group: string): void {
    const held: Held = { count: 0, ...Promise.withResolvers<boolean>() };
    groups.set(group, held);
    later(() => {
      groups.delete(group);
      if (held.newest === undefined) return;
      close(group);
      held.resolve(show(counted(held.newest, held.count - 1)));
    }, APART_MS);
  }

  return (notification) => {
    const { group } = notification;
    const held = group === undefined ? undefined : groups.get(group);
    if (held === undefined) {
      if (group !== undefined) close(group);
      return show(notification);
    }
    held.newest = notification;
    held.count++;
    return held.promise;
  };
}

// Puts the number in front, because the end of a long message may be cut.
function counted(notification: Notification, others: number): Notification {
  return others === 0
    ? notification
    : { ...notification, message: `(and ${others} more) ${notification.message}` };
}
