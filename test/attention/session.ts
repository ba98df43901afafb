// A session whose hooks are calls of this process: the real operations and the real text, without processes.
import { type Batch, handOver } from "../../src/hooks/text.ts";
import type { TestBus } from "../support/bus.ts";
import { eventsIn } from "../support/hooks.ts";

export type HookPath = "prompt" | "tool" | "stop" | "wake";

export interface Session {
  id: string;
  name: string;
  /** What the hook hands over, empty if there is nothing. `wake` looks once and does not wait. */
  read(path: HookPath, more?: object): Promise<string>;
  collect(path: HookPath, more?: object): Promise<Batch>;
  confirm(batch: Batch, path: HookPath): Promise<string>;
  /** Uses another tool than the bus's. */
  works(): Promise<string>;
  ids(text: string): number[];
  /** The same session on a bus that was started again. */
  on(bus: Pick<TestBus, "call">): Session;
}

export interface SessionOptions {
  name: string;
  repo: string;
  branch?: string;
  now?: () => number;
}

const MOST_EVENTS = 20;

export async function startSession(bus: Pick<TestBus, "call">, options: SessionOptions): Promise<Session> {
  const { name, repo, branch } = options;
  const client_id = `client-${name}`;
  const { session_id } = await bus.call("start_session", {
    ...{ client_id, name, repo, cwd: `/home/me/${repo}` },
    ...(branch !== undefined && { branch }),
  });
  return sessionOn(bus, session_id, options);
}

function sessionOn(bus: Pick<TestBus, "call">, id: string, options: SessionOptions): Session {
  const { name, now = Date.now } = options;
  const client_id = `client-${name}`;
  const collect = (path: HookPath, more: object = {}): Promise<Batch> =>
    bus.call("collect_events", {
      ...{ client_id, path, limit: MOST_EVENTS, digests: true },
      ...(path === "wake" && { wait_seconds: 0 }),
      ...more,
    });
  const confirm = async (batch: Batch, path: HookPath): Promise<string> => {
    if (batch.events.length === 0 && batch.digest === undefined) return "";
    const { text, shown } = handOver(batch, now());
    const left = batch.events.slice(shown.length);
    const next = left.find(({ channel }) => !channel.startsWith("session:"));
    await bus.call("confirm_events", {
      client_id,
      event_ids: shown.map(({ id }) => String(id)),
      ...(left.length > 0 && { unshown: left.filter(({ repeat }) => !repeat).map(({ id }) => String(id)) }),
      ...(batch.seen_to !== undefined && {
        cursor: String(next === undefined ? batch.seen_to : next.id - 1),
      }),
      ...{ path, bytes: Buffer.byteLength(text) },
    });
    return text;
  };
  const session: Session = {
    ...{ id, name, collect, confirm },
    read: async (path, more) => confirm(await collect(path, more), path),
    works: () => session.read("tool"),
    ids: (text) => eventsIn(text).map((event) => event.id),
    on: (other) => sessionOn(other, id, options),
  };
  return session;
}
