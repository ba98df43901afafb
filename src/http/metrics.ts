import type { Bus } from "../domain/context.ts";
import { PERSON } from "../domain/event.ts";
import { DIALOG_KINDS, type Need } from "../domain/need.ts";
import { LoopDelay } from "./loop_delay.ts";

export interface MetricsOptions {
  bus: Bus;
  version: string;
  /** Time since the bus started (ms). */
  uptimeMs(): number;
}

type Labels = Readonly<Record<string, string>>;

interface Metric {
  /** Without the program's name in front. */
  name: string;
  type: "counter" | "gauge" | "info";
  unit?: "seconds" | "bytes";
  help: string;
  samples: readonly (readonly [value: number, labels?: Labels])[];
}

const HEADERS = {
  "content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8",
  "cache-control": "no-store",
};

/**
 * Answers with numbers for a monitor (OpenMetrics 1.0). Counters begin with the process. Deliveries are counted in an index, the
 * other numbers are known.
 */
export function metricsHandler(options: MetricsOptions): () => Promise<Response> {
  const delay = new LoopDelay();
  return async () => {
    const { bus } = options;
    const families = [
      ...about(options, delay),
      ...counters(bus),
      ...(await gauges(bus)),
      await deliveriesIn(bus),
    ];
    return new Response(`${families.map(textOf).join("")}# EOF\n`, { headers: HEADERS });
  };
}

function textOf({ name, type, unit, help, samples }: Metric): string {
  const family = `agent_event_bus_${name}${unit === undefined ? "" : `_${unit}`}`;
  const sample = type === "counter" ? `${family}_total` : type === "info" ? `${family}_info` : family;
  return [
    `# TYPE ${family} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${family} ${unit}`]),
    `# HELP ${family} ${help}`,
    ...samples.map(([value, labels = {}]) => `${sample}${labelled(labels)} ${value}`),
    "",
  ].join("\n");
}

function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function about({ version, uptimeMs }: MetricsOptions, delay: LoopDelay): Metric[] {
  return [
    { name: "build", type: "info", help: "The running release.", samples: [[1, { version }]] },
    {
      ...{ name: "uptime", type: "gauge", unit: "seconds", help: "Time since the start." },
      samples: [[Math.floor(uptimeMs() / 1000)]],
    },
    {
      ...{ name: "resident_memory", type: "gauge", unit: "bytes", help: "Memory of the process." },
      samples: [[process.memoryUsage.rss()]],
    },
    {
      ...{ name: "loop_delay", type: "gauge", unit: "seconds" },
      help: "Longest delay of a timer since the last question.",
      samples: [[delay.take() / 1000]],
    },
  ];
}

function counters({ counts }: Bus): Metric[] {
  const { published, wakes, handOvers, pushedBytes, queued, attempts, faults } = counts;
  const counter = (name: string, help: string, value: number): Metric => ({
    ...{ name, type: "counter", help },
    samples: [[value]],
  });
  return [
    {
      ...{ name: "events_published", type: "counter", help: "Events that were stored, by level." },
      samples: Object.entries(published).map(([level, count]) => [count, { level }]),
    },
    counter("wakes", "Idle sessions that an event woke.", wakes),
    counter("hand_overs", "Times that events were handed to a session at work.", handOvers),
    { ...counter("pushed", "Text put into contexts of sessions.", pushedBytes), unit: "bytes" },
    counter("webhook_deliveries_queued", "Deliveries queued for webhooks.", queued),
    {
      ...{
        name: "webhook_attempts",
        type: "counter",
        help: "Attempts, by the state of their deliveries after it.",
      },
      samples: Object.entries(attempts).map(([state, count]) => [count, { state }]),
    },
    counter("storage_faults", "Times that the database stopped taking writes.", faults),
  ];
}

async function deliveriesIn({ store }: Bus): Promise<Metric> {
  const stored = { pending: 0, dead: 0, expired: 0 };
  for (const { webhook_id } of await store.webhooks.list()) {
    const counts = await store.deliveries.counts(webhook_id);
    for (const state of ["pending", "dead", "expired"] as const) stored[state] += counts[state];
    // One at a time, because counting a long backlog takes a while and other calls interleave.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    ...{ name: "webhook_deliveries", type: "gauge", help: "Deliveries that are not done, by state." },
    samples: Object.entries(stored).map(([state, count]) => [count, { state }]),
  };
}

const KINDS: readonly Need["kind"][] = [...DIALOG_KINDS, "ask", "help"];

async function gauges({ store, subscriptions, now }: Bus): Promise<Metric[]> {
  const [newest, needs, unread] = await Promise.all([
    store.events.tip(),
    store.needs.standing(),
    store.mail.count(PERSON),
  ]);
  const oldest = Math.min(...needs.map(({ since }) => Date.parse(since)), now());

  const gauge = (name: string, help: string, value: number): Metric => ({
    ...{ name, type: "gauge", help },
    samples: [[value]],
  });
  return [
    gauge("last_event_id", "Id of the newest event.", newest),
    {
      ...{ name: "needs_open", type: "gauge", help: "Open needs of the user, by kind." },
      samples: KINDS.map((kind) => [needs.filter((need) => need.kind === kind).length, { kind }]),
    },
    {
      ...gauge("oldest_need_age", "Age of the oldest open need. 0 without one.", (now() - oldest) / 1000),
      unit: "seconds",
    },
    gauge("unread_messages", "Messages to the user that were not read.", unread),
    gauge("waiters", "Calls that wait for events.", subscriptions.count()),
    gauge("storage_ok", "1 while the database takes writes.", store.trouble() === null ? 1 : 0),
  ];
}
