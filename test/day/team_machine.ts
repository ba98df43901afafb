// One machine of a team: its sessions, whose hooks are the real ones, and what publishes there. Told by lines of JSON what to do.
import { HookSession } from "../../src/hooks/session.ts";
import { type Collected, handOver } from "../../src/hooks/text.ts";
import type { Json } from "../../src/lib/json.ts";
import { rpc } from "../support/rpc.ts";

export interface MachineOptions {
  number: number;
  /** The buses. Each call goes to the next one, as behind a proxy without sticky sessions. */
  urls: readonly string[];
  token: string;
  sessions: number;
  events: number;
  /** One in so many of them is a direct message. */
  direct: number;
}

/** What came of a machine's day. */
export interface MachineDay {
  /** The direct messages that its sessions sent. */
  sent: { id: number; to: string }[];
  /** The direct messages that its sessions were shown. */
  shown: { id: number; to: string; by: Path; repeat: boolean }[];
  /** Events that each bus accepted. */
  accepted: number[];
  /** Calls that a bus refused for now. */
  refused: number;
}

type Path = "prompt" | "tool" | "stop" | "wake";

/** One in so many of the others is for every session, and one in so many is of a session, not of CI. */
const FOR_ALL = 500;
const OF_SESSION = 4;
const PUBLISHERS = 8;
const TOOL_MS = 10_000;
/** As long as the hook waits. */
const POLL_SECONDS = 240;
const TEXT = "x".repeat(200);

const options: MachineOptions = JSON.parse(process.argv[2] ?? "{}");
const { number, urls, token, events, direct } = options;
const day: MachineDay = { sent: [], shown: [], accepted: urls.map(() => 0), refused: 0 };
const machine = `machine-${number}`;
let turn = number;
let isOver = false;
const { promise: over, resolve: end } = Promise.withResolvers<void>();

/** Calls a tool of the next bus, again if that refuses for now. A hook has a connection of its own. */
async function call(tool: string, args: Json): Promise<{ result: Json; bus: number }> {
  const connection = tool === "publish_event" ? "keep-alive" : "close";
  for (;;) {
    const bus = turn++ % urls.length;
    const headers = { authorization: `Bearer ${token}`, "x-real-ip": `10.0.0.${number + 1}`, connection };
    const params = { name: tool, arguments: args };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    const { status, message, text } = await rpc(String(urls[bus]), body, headers);
    if (status === 200 && message?.result?.structuredContent !== undefined && message.result.isError !== true)
      return { result: message.result.structuredContent, bus };
    if (status !== 429 && status !== 503) throw new Error(`${tool}: HTTP ${status}: ${text}`);
    day.refused++;
    await Bun.sleep(200);
  }
}

class Member {
  readonly clientId: string;
  readonly repo: string;
  id = "";
  #hooks: Record<"user" | "client", HookSession>;

  constructor(index: number) {
    this.clientId = `${machine}-${index}`;
    this.repo = `repo-${(number * options.sessions + index) % 30}`;
    const run = (prompt: string) =>
      new HookSession({
        input: { prompt },
        config: { clientPid: undefined },
        ...{ machine, machineId: `id-of-${machine}`, clientId: this.clientId },
        call: async (tool, args) => (await call(tool, args)).result,
        register: async () => {},
        lastWords: async () => undefined,
        branch: async () => "main",
      });
    this.#hooks = { user: run("go on"), client: run("<task-notification>woken</task-notification>") };
  }

  async start(): Promise<void> {
    const stated = { client_id: this.clientId, machine, machine_id: `id-of-${machine}` };
    const at = { name: this.clientId, cwd: `/home/${this.repo}`, repo: this.repo };
    this.id = String((await call("start_session", { ...stated, ...at })).result.session_id);
  }

  /** Runs a hook, which shows what it gets. Returns how many events it showed. */
  async hook(path: Exclude<Path, "wake">, by: "user" | "client" = "user"): Promise<number> {
    const batch = await this.#hooks[by].collect(path);
    return batch === null ? 0 : this.#show(batch, path);
  }

  async wait(seconds: number): Promise<number> {
    const batch = await this.#hooks.client.waitFor(seconds, 0);
    return batch === null ? 0 : this.#show(batch, "wake");
  }

  async #show(batch: Parameters<typeof handOver>[0], path: Path): Promise<number> {
    const { text, shown } = handOver(batch, Date.now());
    const isMail = ({ channel }: Collected) => channel === `session:${this.id}`;
    for (const { id, repeat } of shown.filter(isMail))
      day.shown.push({ id, to: this.id, by: path, repeat: repeat === true });
    if (text !== "") await this.#hooks.client.confirm(batch, shown.length, path, Buffer.byteLength(text));
    return shown.length;
  }

  /** Waits until it is woken, and then works in a turn of its own. */
  async idle(): Promise<void> {
    while (!isOver) {
      if ((await this.wait(POLL_SECONDS)) === 0) continue;
      await this.hook("prompt", "client");
      await this.hook("stop");
    }
  }

  async work(): Promise<void> {
    for (let step = 0; !isOver; step++) {
      await this.hook(step % 5 === 0 ? "prompt" : "tool");
      await Promise.race([Bun.sleep(TOOL_MS), over]);
    }
  }
}

interface Draft {
  channel: string;
  event_type: string;
  session_id?: string;
}

/** The direct message of that number. Each goes from another session to another one. */
function messageOf(count: number, everybody: readonly string[]): Draft & { to: string } {
  const sender = members[count % members.length] as Member;
  const other = everybody.indexOf(sender.id) + 1 + ((37 * count + number) % (everybody.length - 1));
  const to = String(everybody[other % everybody.length]);
  const event_type = count % 3 === 0 ? "note" : "question";
  return { to, channel: `session:${to}`, event_type, session_id: sender.id };
}

function otherOf(count: number): Draft {
  const { repo, id } = members[count % members.length] as Member;
  const channel = count % FOR_ALL === 1 ? "all" : `repo:${repo}`;
  const event_type = count % 2 === 0 ? "task_started" : "note";
  return { channel, event_type, ...(count % OF_SESSION === 0 && { session_id: id }) };
}

async function publish(everybody: readonly string[]): Promise<void> {
  let next = 0;
  const one = async () => {
    for (let i = next++; i < events; i = next++) {
      const message = i % direct === 0 ? messageOf(i / direct, everybody) : undefined;
      const { to, ...draft } = message ?? { ...otherOf(i), to: undefined };
      const { result, bus } = await call("publish_event", { ...draft, payload: TEXT });
      day.accepted[bus] = (day.accepted[bus] ?? 0) + 1;
      if (to !== undefined) day.sent.push({ id: Number(result.event_id), to });
    }
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, one));
}

const say = (told: unknown) => process.stdout.write(`${JSON.stringify(told)}\n`);
const members = Array.from({ length: options.sessions }, (_, index) => new Member(index));
let living: Promise<void>[] = [];

/** What the test asks for, by the first word of a line. */
const ORDERS: Readonly<Record<string, (words: string) => Promise<unknown>>> = {
  async start() {
    for (const member of members) await member.start();
    // A third of them waits for messages, the others are at work.
    living = members.map((member, i) => (i % 3 === 0 ? member.idle() : member.work()));
    return members.map(({ id }) => id);
  },
  async publish(everybody) {
    await publish(JSON.parse(everybody));
    return {};
  },
  /** Every agent is at its prompt again. */
  async prompt() {
    isOver = true;
    end();
    let isLeft = true;
    const left = Promise.all(living).then(() => {
      isLeft = false;
    });
    // One whose waiter was on its way to the bus is prompted again.
    while (isLeft) {
      for (const member of members) await member.hook("prompt");
      await Promise.race([left, Bun.sleep(1_000)]);
    }
    for (const member of members) while ((await member.hook("prompt")) > 0);
    return day;
  },
};

let rest = "";
for await (const chunk of Bun.stdin.stream().pipeThrough(new TextDecoderStream())) {
  const lines = `${rest}${chunk}`.split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const [order = "", ...words] = line.split(" ");
    say(await ORDERS[order]?.(words.join(" ")));
  }
}
