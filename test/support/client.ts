import { afterAll } from "bun:test";
import { type Batch, type Collected, handOver } from "../../src/hooks/text.ts";
import { processStart } from "../../src/lib/process.ts";
import { fresh } from "./agent.ts";
import { binary } from "./binary.ts";
import type { TestBus } from "./bus.ts";
import { PATIENT } from "./hooks.ts";

export type HookPath = "prompt" | "tool" | "stop" | "wake";

/** A client with hooks, as the bus sees it. */
export interface Client {
  client_id: string;
  session_id: string;
  name: string;
  repo: string;
  pid: number;
  /** All that was shown to its agent so far. */
  shown: Shown[];
  /** Takes what is unread, shows it and says so, as a hook does. Resolves with what the bus answered. */
  hook(path: HookPath, more?: Record<string, unknown>): Promise<Batch & { left?: boolean }>;
  /** kill -9 of its process, and waits for its end. */
  kill(): Promise<void>;
}

export type Shown = Pick<Collected, "id" | "channel" | "payload" | "session_id"> & { text: string };

/** A process that does nothing; ends with the test file at the latest. */
export function sleeper(): Bun.Subprocess<"ignore", "ignore", "ignore"> {
  const child = Bun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  afterAll(() => child.kill("SIGKILL"));
  return child;
}

/** Starts a client of this machine, or of another one, and registers its session as the hook does. */
export async function startClient(bus: TestBus, more: Record<string, unknown> = {}): Promise<Client> {
  const child = sleeper();
  const client_id = fresh("client");
  const answer = await bus.call("start_session", {
    client_id,
    name: client_id,
    cwd: "/tmp",
    repo: "fleet",
    pid: child.pid,
    pid_started: processStart(child.pid),
    ...more,
  });
  const { machine } = more;
  const shown: Shown[] = [];
  return {
    client_id,
    session_id: answer.session_id,
    name: answer.name,
    repo: answer.repo,
    pid: child.pid,
    shown,
    async hook(path, extra = {}) {
      const own = { client_id, machine };
      const batch = await bus.call("collect_events", { ...own, path, limit: 20, ...extra });
      if (!(batch.events?.length > 0)) return batch;
      const handed = handOver(batch, Date.now());
      for (const { id, channel, payload, session_id } of handed.shown)
        shown.push({ id, channel, payload, session_id, text: handed.text });
      const next = batch.events[handed.shown.length];
      const cursor = next === undefined ? batch.cursor : next.id - 1;
      await bus.call("confirm_events", {
        ...own,
        event_ids: handed.shown.map(({ id }) => String(id)),
        ...(batch.cursor !== undefined && { cursor: String(cursor) }),
      });
      return batch;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Runs the compiled hook for a client; what it wrote for the agent, empty when nothing. */
export async function hookProcess(
  bus: TestBus,
  name: string,
  client: { client_id: string; pid: number; cwd?: string },
): Promise<string> {
  const child = Bun.spawn([binary, "hook", name, "--format", "plain"], {
    cwd: bus.folder,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: bus.folder,
      AGENT_EVENT_BUS_URL: bus.url,
      CLAUDE_PID: String(client.pid),
      ...PATIENT,
    },
    stdin: new Blob([JSON.stringify({ session_id: client.client_id, cwd: client.cwd ?? bus.folder })]),
    stdout: "pipe",
    stderr: "ignore",
  });
  const [text] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return text;
}
