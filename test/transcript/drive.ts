import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type BusOptions, type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { messageIn } from "../support/rpc.ts";
import { type Answer, createNormaliser, type Sentences } from "./normalise.ts";
import { type rpc, STEPS, type Step } from "./steps.ts";

export interface Transcript {
  answers: Readonly<Record<string, Answer>>;
  sentences: Sentences;
}

/** Records how an executable answers every step. */
export async function drive(program: string): Promise<Transcript> {
  const receiver = startReceiver();
  const folder = tempFolder(true);
  const options: BusOptions = { program: [program], env: environment(folder), outlives: true };
  const open = await startBus("binary", options);
  const tokens = await startBus("binary", {
    ...options,
    env: { ...options.env, AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" },
  });
  const known: Record<string, unknown> = { receiver: `http://127.0.0.1:${receiver.port}` };
  for (const scope of ["full", "publish", "read"]) known[scope] = tokenOf(program, tokens, scope);
  const normaliser = createNormaliser({
    host: hostname(),
    ports: [open.port, tokens.port, receiver.port ?? 0],
  });
  const answers: Record<string, Answer> = {};
  const run = async (step: Step, name: string): Promise<void> => {
    await Bun.sleep(step.after ?? 0);
    const bus = step.bus === "tokens" ? tokens : open;
    if (step.settled) await settled(bus);
    const asked = ask(bus, step, known);
    for (const [i, other] of (step.meanwhile ?? []).entries()) {
      known.question = await question(bus);
      await run(other, `${name}.${i + 1}`);
    }
    const { response, text, sent } = await asked;
    if (step.as !== undefined) known[step.as] = contentIn(text);
    answers[titleOf(step, name)] = normaliser.answer(titleOf(step, name), response, text, sent);
  };
  for (const [i, step] of STEPS.entries()) await run(step, String(i + 1).padStart(3, "0"));
  for (const bus of [open, tokens]) await bus.stop();
  receiver.stop(true);
  const ordered = Object.entries(answers).sort(([a], [b]) => (a < b ? -1 : 1));
  return { answers: Object.fromEntries(ordered), sentences: normaliser.sentences };
}

/** No program but the bus, so that each machine gives the same answers. */
function environment(folder: string): Record<string, string> {
  const path = join(folder, "no-programs");
  mkdirSync(path, { recursive: true });
  return { PATH: path };
}

function startReceiver() {
  const status: Readonly<Record<string, number>> = { "/ok": 204, "/fail": 503, "/gone": 410 };
  // The next attempt comes after the transcript's end.
  const headers = { "retry-after": "3600" };
  const fetch = (request: Request) =>
    new Response(null, { status: status[new URL(request.url).pathname] ?? 404, headers });
  return Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
}

function tokenOf(program: string, { db, folder }: ProcessBus, scope: string): string {
  const words = ["token", "create", "--name", scope, "--scope", scope, "--db", db, "--json"];
  const made = Bun.spawnSync([program, ...words], { cwd: folder, env: { HOME: folder, PATH: "" } });
  return JSON.parse(made.stdout.toString()).token;
}

interface Asked {
  response: Response;
  text: string;
  /** The body that was sent. */
  sent: string;
}

async function ask(bus: ProcessBus, step: Step, known: Readonly<Record<string, unknown>>): Promise<Asked> {
  const written =
    step.body === undefined || typeof step.body === "string" ? step.body : JSON.stringify(step.body);
  const sent = typeof step.body === "string" ? step.body : filled(written ?? "", known);
  const { method = "POST", path = "/mcp" } = step;
  const given = JSON.parse(filled(JSON.stringify(step.headers ?? {}), known));
  const headers = {
    ...(method === "POST" && {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    }),
    ...given,
  };
  const response = await fetch(new URL(path, bus.url), {
    ...{ method, headers },
    ...(written !== undefined && { body: sent }),
  });
  return { response, text: await response.text(), sent };
}

/** A text in which `{name.field}` is what an earlier answer said. */
function filled(text: string, known: Readonly<Record<string, unknown>>): string {
  return text.replace(/\{(\w+)(?:\.(\w+))?\}/g, (_whole, name: string, field?: string) => {
    const answer = known[name];
    const value = field === undefined ? answer : (answer as Record<string, unknown> | undefined)?.[field];
    if (value === undefined) throw new Error(`no earlier answer has ${name}.${field}`);
    return String(value);
  });
}

function contentIn(text: string): unknown {
  return (messageIn(text) as { result?: { structuredContent?: unknown } }).result?.structuredContent;
}

async function question(bus: ProcessBus): Promise<unknown> {
  const { next_cursor: cursor } = await bus.call("get_events", { limit: 1, event_types: ["none"] });
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const { events } = await bus.call("get_events", { limit: 1, event_types: ["question"] });
    if (events[0] !== undefined) return events[0];
    await Bun.sleep(5);
  }
  throw new Error(`no question came after ${cursor}`);
}

interface Shown {
  state: string;
  attempts: number;
}

/** Waits until each delivery was tried and nothing more comes of it, as the event that tells of a paused webhook. */
async function settled(bus: ProcessBus): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (let before = ""; Date.now() < deadline; await Bun.sleep(400)) {
    const { result } = await bus.call("list_deliveries", { limit: 1000 });
    const open = result.some(({ state, attempts }: Shown) => state === "in_flight" || attempts === 0);
    const shown = JSON.stringify(result);
    if (!open && shown === before) return;
    before = shown;
  }
  throw new Error("deliveries are still open");
}

/** The number of a step with its request, cut to fit a line. */
function titleOf({ method = "POST", path = "/mcp", body, headers, bus }: Step, name: string): string {
  const call = body as ReturnType<typeof rpc>["body"] | undefined;
  const { method: called, params } = (typeof call === "object" ? call : {}) as {
    method?: string;
    params?: { name?: string; arguments?: unknown };
  };
  const words =
    called === "tools/call" && typeof params?.name === "string"
      ? [params.name, JSON.stringify(params.arguments)]
      : called !== undefined
        ? [called, JSON.stringify(params)]
        : [method, path, typeof body === "string" ? body : undefined];
  const head = headers === undefined ? undefined : JSON.stringify(headers);
  const title = [name, bus, ...words, head].filter((word) => word !== undefined).join(" ");
  return title.length > 120 ? `${title.slice(0, 120)}…` : title;
}
