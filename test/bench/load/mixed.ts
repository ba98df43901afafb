import { median } from "../statistics.ts";
import { Connection, get, resultIn, tool } from "./connection.ts";
import { type Times, timesOf } from "./wake.ts";

/** Sessions that publish once a second each, pollers, and as many waiting calls as sessions; and what it costs each. */
export interface MixedJob {
  task: "mixed";
  port: number;
  sessions: number;
  pollers: number;
  ms: number;
}

export type Kind = "publish" | "poll" | "wait";

export interface MixedResult {
  /** Median of each call on the idle bus, ms. */
  idle: Record<Kind, number>;
  busy: Record<Kind, Times>;
  /** How long `/health` took, asked every 5 ms, and how late the generator's own timer was. */
  health: Times;
  own: Times;
}

const POLL_MS = 100;
const PROBE_MS = 5;
const IDLE_ROUNDS = 60;

/** Published with each event, so that whoever gets it knows how old it is. */
const stamp = () => ({ event_type: "bench", payload: String(performance.now()) });

class Session {
  readonly connection: Connection;
  readonly id: string;
  private constructor(connection: Connection, id: string) {
    this.connection = connection;
    this.id = id;
  }

  static async register(port: number, name: string): Promise<Session> {
    const connection = await Connection.open(port);
    const args = { name, client_id: name, machine: "bench", cwd: "/" };
    const { session_id } = resultIn(await connection.call(tool("register_session", args)));
    return new Session(connection, session_id);
  }

  async publish(): Promise<number> {
    const sent = performance.now();
    const answer = await this.connection.call(tool("publish_event", { ...stamp(), session_id: this.id }));
    resultIn(answer);
    return answer.at - sent;
  }

  /** The answer's time, and how old each event in it was. */
  async read(more: object): Promise<{ ms: number; ages: number[] }> {
    const sent = performance.now();
    const args = { session_id: this.id, resume: true, order: "asc", ...more };
    const answer = await this.connection.call(tool("get_events", args));
    const events: { payload: string; event_type: string }[] = resultIn(answer).events;
    const own = events.filter(({ event_type }) => event_type === "bench");
    return { ms: answer.at - sent, ages: own.map(({ payload }) => answer.at - Number(payload)) };
  }
}

export async function mixed(job: MixedJob): Promise<MixedResult> {
  const named = (kind: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => Session.register(job.port, `${kind}-${i}`)));
  const publishers = await named("publisher", job.sessions);
  const pollers = await named("poller", job.pollers);
  const waiters = await named("waiter", job.sessions);
  const idle = await idleTimes(publishers[0] as Session, waiters[0] as Session);

  const began = performance.now();
  const busy = { publish: [] as number[], poll: [] as number[], wait: [] as number[] };
  const until = began + job.ms;
  const every = async (ms: number, work: () => Promise<unknown>) => {
    await Bun.sleep(Math.random() * ms);
    for (let next = performance.now(); next < until; next = Math.max(next + ms, performance.now())) {
      await work();
      await Bun.sleep(Math.max(0, next + ms - performance.now()));
    }
  };
  const probed = probe(job.port, until);
  await Promise.all([
    ...publishers.map((one) => every(1_000, async () => busy.publish.push(await one.publish()))),
    ...pollers.map((one) => every(POLL_MS, async () => busy.poll.push((await one.read({})).ms))),
    ...waiters.map(async (one) => {
      // What was published before does not count: most of them did not wait for it.
      while (performance.now() < until) {
        const { ages } = await one.read({ wait_seconds: 2 });
        busy.wait.push(...ages.filter((age) => performance.now() - age > began));
      }
    }),
  ]);
  return {
    idle,
    busy: { publish: timesOf(busy.publish), poll: timesOf(busy.poll), wait: timesOf(busy.wait) },
    ...(await probed),
  };
}

async function idleTimes(publisher: Session, waiter: Session): Promise<Record<Kind, number>> {
  const found = { publish: [] as number[], poll: [] as number[], wait: [] as number[] };
  // With something unread it would not wait.
  await waiter.read({});
  for (let i = 0; i < IDLE_ROUNDS; i++) {
    const waiting = waiter.read({ wait_seconds: 2 });
    await Bun.sleep(PROBE_MS);
    found.publish.push(await publisher.publish());
    found.wait.push(...(await waiting).ages.slice(-1));
    await Bun.sleep(PROBE_MS);
    found.poll.push((await publisher.read({})).ms);
  }
  return { publish: median(found.publish), poll: median(found.poll), wait: median(found.wait) };
}

/** Asks for /health all the time: whatever blocks the event loop keeps it from answering. */
async function probe(port: number, until: number): Promise<Pick<MixedResult, "health" | "own">> {
  const connection = await Connection.open(port);
  const [health, own]: [number[], number[]] = [[], []];
  const request = get("/health");
  while (performance.now() < until) {
    const due = performance.now() + PROBE_MS;
    await Bun.sleep(PROBE_MS);
    const sent = performance.now();
    own.push(Math.max(0, sent - due));
    health.push((await connection.call(request)).at - sent);
  }
  return { health: timesOf(health), own: timesOf(own) };
}
