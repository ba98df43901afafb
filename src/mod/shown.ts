import type { HookSession } from "../hooks/session.ts";
import type { Batch } from "../hooks/text.ts";
import type { Engine } from "./engine.ts";

/** Ids of events that were shown while the bus did not answer. It offers them again, perhaps to this client. */
const untold = new Set<number>();

/** How often, and for how long, a bus that is away is told again. */
const TELL_MS = 200;
const LONGEST_TELL_MS = 10_000;

/**
 * Confirms that the first `count` events of a batch were shown. Tells a bus that was just killed once it is back, before it
 * gives them to a waiter. Remembers those that it could not confirm.
 */
export async function confirmShown(
  $: Engine,
  session: HookSession,
  batch: Batch,
  count: number,
  path: string,
  bytes: number,
): Promise<void> {
  const ids = batch.events.slice(0, count).map(({ id }) => id);
  const confirm = async () => {
    await session.confirm(batch, count, path, bytes);
    for (const id of ids) untold.delete(id);
  };
  for (const id of ids) untold.add(id);
  try {
    await confirm();
  } catch (error) {
    tellAgain($, confirm).catch(() => {});
    throw error;
  }
}

async function tellAgain($: Engine, tell: () => Promise<void>): Promise<void> {
  for (let left = LONGEST_TELL_MS; left > 0; left -= TELL_MS) {
    await $.clock.sleep(TELL_MS);
    const isTold = await tell().then(
      () => true,
      () => false,
    );
    if (isTold) return;
  }
}

/** A batch without the events that were shown before, which are confirmed. */
export async function withoutShown(
  $: Engine,
  session: HookSession,
  batch: Batch,
  path: string,
): Promise<Batch> {
  const shown = batch.events.filter(({ id }) => untold.has(id));
  if (shown.length === 0) return batch;
  const events = batch.events.filter(({ id }) => !untold.has(id));
  // The cursor of the batch is for all of it.
  const { session_id, more } = batch;
  const known = events.length === 0 ? batch : { session_id, more, events: shown };
  await confirmShown($, session, known, shown.length, path, 0);
  return { ...batch, events };
}
