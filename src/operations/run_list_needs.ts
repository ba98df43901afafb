import { maySeeWhole } from "../domain/answering.ts";
import type { Call } from "../domain/call.ts";
import type { Bus } from "../domain/context.ts";
import type { Need } from "../domain/need.ts";
import type { Json } from "../lib/json.ts";
import { needView } from "./needs_view.ts";

const MOST_RECENT = 50;

interface Wanted {
  need_id?: number | undefined;
  all: boolean;
}

/** The needs that stand, the latest ones, or one of them. */
export async function runListNeeds(
  bus: Bus,
  { need_id, all }: Wanted,
  { caller }: Call,
): Promise<Json | Json[]> {
  // Its input may hold what other agents should not read.
  const isWhole = await maySeeWhole(bus, caller);
  const needs = await selected(bus, need_id, all);
  if (needs === undefined) return { error: `There is no need ${need_id}.`, need_id };
  return Promise.all(needs.map((need) => needView(bus, need, isWhole)));
}

async function selected(
  { store }: Bus,
  needId: number | undefined,
  all: boolean,
): Promise<Need[] | undefined> {
  if (needId === undefined) return all ? store.needs.recent(MOST_RECENT) : store.needs.standing();
  const need = await store.needs.get(needId);
  return need && [need];
}
