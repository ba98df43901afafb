import type { Limits } from "../domain/limits.ts";
import type { Arrival, Inbound, Opened, Refusals, Source, Sources } from "../domain/source.ts";
import { eventOfArrival } from "../domain/source_event.ts";
import { readBody } from "./read_body.ts";
import { SAMPLES } from "./samples.ts";
import { digestOf, isProved, proofOf } from "./verify.ts";

export interface ReceiverOptions {
  store: { sources: Pick<Sources, "list"> };
  limits: Limits;
  /** Wall clock (ms). */
  now(): number;
}

/** The same for a name that there is not and for a wrong proof, so that nobody finds out which sources there are. */
const UNPROVED = "There is no such source, or its signature, token or time is wrong.";

/** Checks and reads what sources send. */
export class Receiver implements Inbound {
  readonly #options: ReceiverOptions;
  readonly #refusals = new Map<string, Refusals>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  async open(name: string, arrival: Arrival, mayPublish: boolean): Promise<Opened> {
    const { store, now } = this.#options;
    const source = (await store.sources.list()).find((one) => one.name === name);
    const proved = await isProved({ source, arrival, mayPublish, now: now() });
    if (source === undefined || !proved) return this.#refused(source, "unproved", UNPROVED);
    const event = this.preview(source, { ...arrival, event: arrival.event ?? "" });
    if ("problem" in event) return this.#refused(source, "unreadable", event.problem);
    if ("ignored" in event) return event;
    return { event, keys: await keysOf(source, arrival) };
  }

  preview(source: Source, arrival: Partial<Arrival>): ReturnType<Inbound["preview"]> {
    const { kind, mapping } = source;
    const sample = SAMPLES[kind];
    const { body, event = sample.event } = arrival.body === undefined ? { ...sample, ...arrival } : arrival;
    const read = readBody(kind, body ?? sample.body, this.#options.limits);
    if ("problem" in read) return read;
    const found = eventOfArrival(kind, mapping, { event, body: read.body }, this.#options.limits);
    return typeof found === "string" ? { ignored: found } : found;
  }

  refusals(name: string): Refusals | undefined {
    return this.#refusals.get(name);
  }

  #refused(source: Source | undefined, why: "unproved" | "unreadable", problem: string): Opened {
    // Counted for no source too, which takes the same time.
    const name = source?.name ?? NOBODY;
    this.#refusals.set(name, {
      count: (this.#refusals.get(name)?.count ?? 0) + 1,
      last_at: new Date(this.#options.now()).toISOString(),
      why: why === "unproved" ? REASONS[source === undefined ? "none" : proofOf(source)] : problem,
    });
    return { problem, why };
  }
}

/** Not a name that a source can have. */
const NOBODY = "";

const REASONS = {
  body: "its signature is wrong",
  token: "its token is wrong",
  standard: "its signature or time is wrong",
  none: "it came without a token of the bus",
};

/** The body counts for senders that tell no id, or do not sign it. Others say the same twice. */
async function keysOf(source: Source, { id = "", body }: Arrival): Promise<string[]> {
  const keys = id === "" ? [] : [`id:${id}`];
  const isAllInBody = source.kind === "github" || (source.kind === "gitlab" && id === "");
  if (isAllInBody || source.kind === "alertmanager") keys.push(`body:${await digestOf(body)}`);
  return keys;
}
