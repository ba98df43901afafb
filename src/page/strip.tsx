import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Json } from "../lib/json.ts";
import { call } from "./bus.ts";
import type { Problem } from "./types.ts";

const LAST = 50;

/** The last deliveries of a webhook, oldest left, and a dashed bar for the next try. */
export function Strip({ problem }: { problem: Extract<Problem, { kind: "webhook" }> }) {
  const failed = useSignal<readonly boolean[]>([]);
  const { webhook_id, pending, dead, next_at } = problem;
  useEffect(() => {
    void call("list_deliveries", { webhook_id, limit: LAST })
      .then((rows) => {
        failed.value = outcomesOf(rows as unknown as Json[]);
      })
      .catch(() => undefined);
  }, [webhook_id, pending, dead, next_at]);
  const count = failed.value.filter(Boolean).length;
  if (failed.value.length === 0) return null;
  return (
    <div class="strip" role="img" aria-label={`Last ${failed.value.length} deliveries, ${count} failed`}>
      {failed.value.map((isFailed, index) => (
        <i key={index} class={isFailed ? "x" : undefined} />
      ))}
      {next_at !== null && <i class="n" />}
    </div>
  );
}

/** True for each delivery that failed, of those that were tried. */
function outcomesOf(rows: readonly Json[]): boolean[] {
  return rows
    .filter(({ attempts }) => Number(attempts) > 0)
    .map(({ state }) => state !== "delivered")
    .reverse();
}
