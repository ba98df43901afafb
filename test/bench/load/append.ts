import { append as appendTo } from "../../../src/domain/publish.ts";
import { openAt } from "../../store/open_at.ts";
import { percentile } from "../statistics.ts";

/** Appends events straight to a store, each writer the next one when the one before is durable. */
export interface AppendJob {
  task: "append";
  /** A path, or a `postgres://` URL. */
  at: string;
  writers: number;
  /** Starts at this time (`Date.now()`), so that several processes begin together. */
  from: number;
  ms: number;
}

export interface AppendResult {
  count: number;
  rate: number;
  p50: number;
  p99: number;
}

const DRAFT = {
  event_type: "bench",
  payload: "x".repeat(300),
  session_id: "bench",
  channel: "all",
  origin: "local",
};

export async function append({ at, writers, from, ms }: AppendJob): Promise<AppendResult> {
  const store = await openAt(at, { now: Date.now });
  const times: number[] = [];
  await Bun.sleep(from - Date.now());
  const until = performance.now() + ms;
  const write = async () => {
    for (let sent = performance.now(); sent < until; ) {
      await appendTo(store, DRAFT);
      const now = performance.now();
      times.push(now - sent);
      sent = now;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  await store.close();
  return {
    count: times.length,
    rate: times.length / (ms / 1000),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  };
}
