import { expect } from "bun:test";
import { Webhook } from "standardwebhooks";
import { HOOKED, type Load, Publisher, Reader, Recipient } from "./bus_load.ts";
import { type Ring, startRing } from "./bus_ring.ts";
import { ChangingClient } from "./changing_client.ts";
import { type Delivery, receiver } from "./receiver.ts";
import { eventually, percentile } from "./webhook.ts";

export const SIZE = 3;
const PUBLISHERS = 6;
const READERS = 3;
const RECIPIENTS = 4;
const CHANGING = 3;
/** Events that each bus acknowledges at least between two kills. */
const EACH_ROUND = 6;
const RECOVERS_MS = 60_000;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const KINDS = ["bus", "server", "bus", "backend", "bus", "stop", "bus and server"] as const;

/** One kill, and the start of what was killed. */
async function killOne(ring: Ring, kind: (typeof KINDS)[number], index: number): Promise<void> {
  if (kind === "backend") return ring.killBackendOf(index);
  if (kind === "bus") await ring.kill(index);
  else {
    await Promise.all([
      ring.server.kill(kind === "stop" ? "SIGQUIT" : "SIGKILL"),
      kind === "bus and server" && ring.kill(index),
    ]);
    await ring.server.start();
  }
  if (kind.startsWith("bus")) await ring.restart(index);
}

/** A receiver that is slow, fails at times, and believes nothing that is not signed. */
function slowReceiver() {
  const webhook = new Webhook(SECRET);
  const accepted: Delivery[] = [];
  let forged = 0;
  const target = receiver(async (_, delivery) => {
    try {
      webhook.verify(delivery.body, Object.fromEntries(delivery.headers));
    } catch {
      forged++;
    }
    await Bun.sleep(Math.random() * 30);
    if (delivery.headers.get("x-event-bus-attempt") === "1" && Math.random() < 0.1)
      return new Response(null, { status: 500 });
    accepted.push(delivery);
    return new Response(null, { status: 204 });
  });
  return { target, accepted, forged: () => forged };
}

/** Lets the time pass that the leases of dead buses last. A crash of the server makes it forget for a moment who lives. */
const PASS_LEASES = `WITH alive AS (SELECT DISTINCT ON (port) id FROM buses WHERE port > 0 ORDER BY port, until DESC)
  UPDATE deliveries SET lease_until = now() WHERE lease_until > now()
  AND lease_owner NOT IN (SELECT id FROM alive) AND (SELECT count(*) FROM alive) = ${SIZE}`;

/** Kills one of three buses or their server, in turn. */
export async function busKillRounds(rounds: number): Promise<void> {
  const ring = await startRing(SIZE);
  try {
    await underLoad(ring, rounds, (round) =>
      killOne(ring, KINDS[round % KINDS.length] ?? "bus", round % SIZE),
    );
  } finally {
    await ring.stop();
  }
}

/** Does something to a ring of three buses again and again while everything changes, and expects that nothing is lost by it. */
export async function underLoad(
  ring: Ring,
  rounds: number,
  kill: (round: number) => Promise<void>,
): Promise<void> {
  const hooks = slowReceiver();
  try {
    await new Rounds(ring, hooks, kill).run(rounds);
  } finally {
    hooks.target.stop();
  }
}

class Rounds {
  readonly #ring: Ring;
  readonly #hooks: ReturnType<typeof slowReceiver>;
  readonly #publishers = Array.from({ length: PUBLISHERS }, (_, i) => new Publisher(`publisher${i}`));
  readonly #readers = Array.from({ length: READERS }, (_, i) => new Reader(`reader${i}`));
  readonly #recipients = Array.from({ length: RECIPIENTS }, (_, i) => new Recipient(`recipient${i}`));
  readonly #changing = Array.from({ length: CHANGING }, (_, i) => new ChangingClient(`changing${i}`));
  readonly #contradictions: string[] = [];
  /** From each kill until every bus acknowledged events again (ms). */
  readonly #recovered: number[] = [];
  readonly #kill: (round: number) => Promise<void>;
  #contests = 0;

  constructor(ring: Ring, hooks: ReturnType<typeof slowReceiver>, kill: (round: number) => Promise<void>) {
    this.#ring = ring;
    this.#hooks = hooks;
    this.#kill = kill;
  }

  async run(rounds: number): Promise<void> {
    const ring = this.#ring;
    let isOver = false;
    const load: Load = { ring, size: SIZE, isOver: () => isOver };
    for (const [i, channel] of HOOKED.entries())
      await ring.at(0).call("register_webhook", {
        ...{ url: this.#hooks.target.url(`/${channel}`), channel, secret: SECRET, ordered: i > 0 },
      });
    for (const one of [...this.#readers, ...this.#recipients]) await one.register(load);
    const loads = [
      ...this.#publishers.map((one, i) => one.run(load, i, this.#recipients)),
      ...this.#readers.map((one, i) => one.run(load, i)),
      ...this.#recipients.map((one, i) => one.run(load, i)),
    ];
    const began = performance.now();
    for (let round = 0; round < rounds; round++) await this.#round(round);
    const ms = performance.now() - began;
    await this.#acknowledgedMore();
    isOver = true;
    await Promise.all(loads);
    await this.#settle(load);
    await this.#judge(rounds, ms);
  }

  async #round(round: number): Promise<void> {
    const ring = this.#ring;
    let isOver = false;
    const changing = this.#changing.map((one, i) =>
      one.run(ring.at((i + round) % SIZE) as never, this.#changing, () => isOver),
    );
    const contest = this.#contest(`contest-${round}`);
    await this.#acknowledgedMore();
    await Bun.sleep(Math.random() * 100);
    const began = performance.now();
    await this.#kill(round);
    await this.#acknowledgedMore();
    this.#recovered.push(performance.now() - began);
    isOver = true;
    await Promise.all(changing);
    await contest;
    await ring.rows(PASS_LEASES);
    for (const one of this.#changing) this.#contradictions.push(...(await one.faults(ring.ask)));
    for (const { id, saved } of this.#readers)
      if (!(Number(await ring.ask("SELECT last_cursor FROM sessions WHERE id = ?", id)) >= saved))
        this.#contradictions.push(`the cursor of ${id} is before ${saved}`);
  }

  /** Every bus acknowledges some more. */
  async #acknowledgedMore(): Promise<void> {
    const count = (index: number) => this.#publishers.reduce((sum, { of }) => sum + (of[index] ?? 0), 0);
    const enough = Array.from({ length: SIZE }, (_, index) => count(index) + EACH_ROUND);
    const goesOn = () => enough.every((least, index) => count(index) >= least);
    await eventually("every bus acknowledges events", goesOn, RECOVERS_MS);
  }

  /** Sessions at all buses claim one name at the same moment. Those that were told they hold it are at most one. */
  async #contest(name: string): Promise<void> {
    const claims = Array.from({ length: SIZE }, async (_, index) => {
      const own = { name, machine: "m", client_id: `contestant${index}`, claim: true };
      const told = await this.#ring
        .at(index)
        .call("register_session", own)
        .catch(() => undefined);
      return told?.claimed === `@${name}` ? String(told.session_id) : undefined;
    });
    const holders = (await Promise.all(claims)).filter((one) => one !== undefined);
    if (holders.length > 0) this.#contests++;
    if (holders.length > 1) this.#contradictions.push(`${holders.length} sessions hold ${name}`);
    const [holder] = holders;
    const found = await this.#ring
      .ask("SELECT session_id FROM claims WHERE name = ?", name)
      .catch(() => holder);
    if (holder !== undefined && found !== holder)
      this.#contradictions.push(`${name} is of ${found}, not of ${holder}`);
  }

  /** Waits until everything has arrived. */
  async #settle(load: Load): Promise<void> {
    const ring = this.#ring;
    const isDone = async () => {
      await ring.rows(PASS_LEASES);
      return (await ring.ask("SELECT count(*) FROM deliveries WHERE state = 'pending'")) === "0";
    };
    await eventually("every delivery is done", isDone, 120_000);
    for (const one of this.#recipients)
      await eventually("the inbox is empty", async () => (await one.collect(load, 0)) === 0);
    const tip = Number(await ring.ask("SELECT last FROM sequencer"));
    for (const reader of this.#readers)
      await eventually("the reader has read all", async () => {
        await reader.read(load, 0);
        return reader.saved >= tip;
      });
  }

  async #judge(rounds: number, ms: number): Promise<void> {
    const ring = this.#ring;
    const rows = await ring.rows("SELECT id, channel, payload FROM events ORDER BY id");
    const stored = new Map(rows.map(({ id, payload }) => [Number(id), String(payload)]));
    const acknowledged = this.#publishers.flatMap((one) => [...one.acknowledged]);
    const all = [...stored.keys()];
    const ofPublishers = [...stored.values()].filter((payload) => payload.startsWith("publisher"));
    const shown = this.#shown();
    const hooks = this.#arrived(rows.filter(({ channel }) => HOOKED.includes(channel as never)));
    this.#say([
      `${rounds} kills in ${Math.round(ms / 1000)} s: ${acknowledged.length} acknowledged`,
      `${ofPublishers.length - acknowledged.length} stored without an answer`,
      `${shown.messages} messages, ${shown.again} shown again with the mark`,
      `${hooks.events} events for webhooks, ${hooks.again} arrived again`,
    ]);
    expect(this.#contradictions).toEqual([]);
    expect(acknowledged.filter(([id, payload]) => stored.get(id) !== payload)).toEqual([]);
    expect(new Set(ofPublishers).size).toBe(ofPublishers.length);
    expect(all).toEqual(Array.from(all, (_, i) => i + 1));
    for (const { from, seen, backwards } of this.#readers)
      expect([seen, backwards]).toEqual([all.slice(from), 0]);
    expect([shown.lost, shown.unmarked]).toEqual([[], []]);
    expect([hooks.lost, hooks.strange, hooks.outOfOrder, this.#hooks.forged()]).toEqual([[], [], 0, 0]);
    expect(this.#contests).toBeGreaterThan(0);
  }

  #say(told: readonly string[]): void {
    const changes = this.#changing.reduce((sum, one) => sum + one.acknowledged, 0);
    const [half, most] = [percentile(this.#recovered, 0.5), Math.max(...this.#recovered)].map(Math.round);
    console.log([...told, `${changes} changes, ${this.#contests} contested claims`].join("; "));
    console.log(`every bus went on after ${half} ms, at most ${most} ms`);
  }

  /** What recipients were shown of their direct messages. */
  #shown() {
    const times = new Map(this.#recipients.map((one) => [one.id, one.shown]));
    const direct = this.#publishers.flatMap((one) => one.direct);
    const all = [...times].flatMap(([to, shown]) => [...shown].map(([id, seen]) => ({ to, id, ...seen })));
    return {
      messages: all.length,
      again: all.reduce((sum, { plain, marked }) => sum + plain + marked - 1, 0),
      lost: direct.filter(({ id, to }) => times.get(to)?.get(id) === undefined),
      unmarked: all.filter(({ plain }) => plain > 1),
    };
  }

  /** What arrived of the events that webhooks wanted. */
  #arrived(wanted: readonly Record<string, unknown>[]) {
    const { accepted } = this.#hooks;
    const ids = new Map<number, Set<string>>();
    for (const { headers, json, body } of accepted) {
      const known = ids.get(json.event_id) ?? new Set();
      ids.set(json.event_id, known.add(`${headers.get("webhook-id")} ${body}`));
    }
    const prefix = /^msg_[0-9a-f]{8}_/.exec([...(ids.values().next().value ?? [])][0] ?? "")?.[0];
    const line = accepted.filter(({ path }) => path === "/line").map(({ json }) => Number(json.event_id));
    const firsts = [...new Set(line)];
    return {
      events: wanted.length,
      again: accepted.length - ids.size,
      lost: wanted.filter(({ id }) => !ids.has(Number(id))),
      /** One event under several ids or with several bodies, or under the id of another one. */
      strange: [...ids].filter(
        ([id, forms]) => forms.size !== 1 || ![...forms][0]?.startsWith(`${prefix}${id} `),
      ),
      outOfOrder: firsts.filter((id, i) => id < (firsts[i - 1] ?? 0)).length,
    };
  }
}
