import type { HookSession } from "../hooks/session.ts";
import type { Batch } from "../hooks/text.ts";

/** Ids of events that were shown while the bus did not answer. It offers them again, perhaps to this client. */
const untold = new Set<number>();

/** Confirms that the first `count` events of a batch were shown. Remembers those that it could not confirm. */
export async function confirmShown(
  session: HookSession,
  batch: Batch,
  count: number,
  path: string,
  bytes: number,
): Promise<void> {
  const ids = batch.events.slice(0, count).map(({ id }) => id);
  for (const id of ids) untold.add(id);
  await session.confirm(batch, count, path, bytes);
  for (const id of ids) untold.delete(id);
}

/** A batch without the events that were shown before, which are confirmed. */
export async function withoutShown(session: HookSession, batch: Batch, path: string): Promise<Batch> {
  const shown = batch.events.filter(({ id }) => untold.has(id));
  if (shown.length === 0) return batch;
  const events = batch.events.filter(({ id }) => !untold.has(id));
  // The cursor of the batch is for all of it.
  const { session_id, more } = batch;
  const known = events.length === 0 ? batch : { session_id, more, events: shown };
  await confirmShown(session, known, shown.length, path, 0);
  return { ...batch, events };
}
