import { percentile } from "../statistics.ts";
import { Connection, post } from "./connection.ts";

/** Again and again: one caller waits, another publishes; timed is from the publish to the waiting caller's answer. */
export interface WakeJob {
  task: "wake";
  port: number;
  /** The port at which the caller waits, if that is another one. */
  waitAt?: number;
  /** What the waiting caller sends; `{n}` stands for a text that is of this round only. */
  wait: { path: string; body: string };
  publish: { path: string; body: string };
  rounds: number;
  /** Between the start of a wait and the publish: the bus is idle by then. */
  pauseMs: number;
}

export interface Times {
  count: number;
  p50: number;
  p99: number;
  most: number;
}

export function timesOf(values: readonly number[]): Times {
  return {
    count: values.length,
    p50: percentile(values, 0.5),
    p99: percentile(values, 0.99),
    most: percentile(values, 1),
  };
}

export async function wake({ port, waitAt = port, wait, publish, rounds, pauseMs }: WakeJob): Promise<Times> {
  const [waiter, publisher] = await Promise.all([Connection.open(waitAt), Connection.open(port)]);
  const times: number[] = [];
  const job = crypto.randomUUID();
  for (let n = 0; n < rounds; n++) {
    const numbered = ({ path, body }: { path: string; body: string }) =>
      post(path, body.replaceAll("{n}", `${job}-${n}`));
    const waiting = waiter.call(numbered(wait));
    await Bun.sleep(pauseMs);
    const request = numbered(publish);
    const sent = performance.now();
    const [{ at, status, body }] = await Promise.all([waiting, publisher.call(request)]);
    if (status !== 200 || at < sent)
      throw new Error(`the waiting caller got HTTP ${status}: ${body.toString().slice(0, 300)}`);
    times.push(at - sent);
  }
  waiter.close();
  publisher.close();
  return timesOf(times);
}
