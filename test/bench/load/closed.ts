import { percentile } from "../statistics.ts";
import { Connection, post } from "./connection.ts";

/** Every connection sends its next request when it has the answer to the one before. */
export interface ClosedJob {
  task: "closed";
  /** Several share the connections. */
  port: number | readonly number[];
  path: string;
  /** Sent in this order, again and again; only the last one of them is counted and timed. */
  bodies: readonly string[];
  /** Further headers of each of them. */
  headers?: readonly Readonly<Record<string, string>>[];
  /** Stands in every answer to the last one. */
  expects: string;
  /** 200 when undefined. */
  status?: number;
  connections: number;
  /** Before anything is counted. */
  warmMs: number;
  ms: number;
  /** Ends earlier, after so many counted answers. */
  most?: number;
}

export interface ClosedResult {
  count: number;
  /** Answers a second. */
  rate: number;
  p50: number;
  p99: number;
  /** Processor time of the generator, part of one core: near 1 it is the bottleneck itself. */
  busy: number;
}

export async function closed(job: ClosedJob): Promise<ClosedResult> {
  const requests = job.bodies.map((body, i) => post(job.path, body, job.headers?.[i]));
  const ports = [job.port].flat();
  const portOf = (i: number) => ports[i % ports.length] as number;
  const open = await Promise.all(
    Array.from({ length: job.connections }, (_, i) => Connection.open(portOf(i))),
  );
  const from = performance.now() + job.warmMs;
  const run: Run = { job, requests, from, until: from + job.ms, times: [], last: from };
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  await Promise.all(open.map((connection) => drive(connection, run)));
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const connection of open) connection.close();
  const { times } = run;
  return {
    count: times.length,
    rate: times.length / ((run.last - from) / 1000),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    busy: (user + system) / 1000 / (performance.now() - began),
  };
}

interface Run {
  job: ClosedJob;
  requests: readonly Uint8Array[];
  from: number;
  until: number;
  times: number[];
  last: number;
}

function drive(connection: Connection, run: Run): Promise<void> {
  const { requests, job, times } = run;
  return new Promise((resolve, reject) => {
    const next = (step: number) => {
      const sent = performance.now();
      if (sent > run.until || times.length >= (job.most ?? Number.POSITIVE_INFINITY)) return resolve();
      connection.send(
        requests[step] as Uint8Array,
        ({ status, body, at }) => {
          const isLast = step === requests.length - 1;
          // A notification is answered 202.
          const isDue = status === (job.status ?? 200) || (!isLast && status === 202);
          if (!isDue || (isLast && !body.includes(job.expects)))
            return reject(new Error(`HTTP ${status}: ${body.toString().slice(0, 300)}`));
          if (isLast && sent >= run.from) {
            times.push(at - sent);
            run.last = at;
          }
          next(isLast ? 0 : step + 1);
        },
        reject,
      );
    };
    next(0);
  });
}
