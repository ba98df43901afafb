import type { Json } from "../lib/json.ts";
import type { Collected, HookCall, HookSession } from "./types.ts";

const MOST_EVENTS = 20;
const MARGIN_SECONDS = 15;

/** The session that a hook runs for. */
export function sessionOf(run: Omit<HookCall, "session">): HookSession {
  const { clientId, machine, config, call } = run;
  const identity: Json = {
    client_id: clientId,
    machine,
    ...(config.clientPid !== undefined && { pid: config.clientPid }),
  };
  const collect = async (path: string, waiting: Json = {}, timeoutMs?: number) => {
    const args = { ...identity, path, limit: MOST_EVENTS, ...waiting };
    return (await call("collect_events", args, timeoutMs)) as unknown as Collected & { unknown?: true };
  };
  return {
    identity,
    async collect(path) {
      if (clientId === undefined) return null;
      const batch = await collect(path);
      if (batch.unknown !== true) return batch;
      await (await import("./register.ts")).register(run);
      return collect(path);
    },
    async await(seconds, idleMs) {
      if (clientId === undefined) return null;
      const waiting = { wait_seconds: seconds, running_ms: Math.round(idleMs) };
      const batch = await collect("wake", waiting, (seconds + MARGIN_SECONDS) * 1000);
      return batch.unknown === true ? null : batch;
    },
    async confirm(batch, count) {
      const next = batch.events[count];
      const unshown = batch.events.slice(count).filter(({ repeat }) => !repeat);
      await call("confirm_events", {
        ...identity,
        event_ids: idsOf(batch.events.slice(0, count)),
        ...(unshown.length > 0 && { unshown: idsOf(unshown) }),
        ...(batch.cursor !== undefined && {
          cursor: String(next === undefined ? batch.cursor : next.id - 1),
        }),
      });
    },
  };
}

function idsOf(events: readonly { id: number }[]): string[] {
  return events.map(({ id }) => String(id));
}
