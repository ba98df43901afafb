import { join } from "node:path";
import type { Bench, Server } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { Connection, resultIn, tool, toolCall } from "../load/connection.ts";
import type { Row } from "../row.ts";
import { inTurns, median } from "../statistics.ts";

interface Command {
  /** Taken in turns. */
  programs: readonly string[];
  words: string[];
  env?: Record<string, string>;
  stdin?: Buffer;
}

/** A program and what it is measured against, both from start to end. */
interface Pair {
  what: string;
  ours: Command;
  floor: Command;
}

interface PairTimes {
  what: string;
  ours: number;
  floor: number;
}

/** Medians in ms; each command runs once before. Throws when one of them fails. */
async function timePairs(rounds: number, pairs: readonly Pair[]): Promise<PairTimes[]> {
  const sides = pairs.flatMap(({ ours, floor }) => [ours, floor]).map((command) => turns(command));
  for (const side of sides) side();
  const times = await inTurns(rounds, sides);
  const at = (i: number) => median(times[i] ?? []);
  return pairs.map(({ what }, i) => ({ what, ours: at(2 * i), floor: at(2 * i + 1) }));
}

function turns({ programs, ...command }: Command): () => number {
  let turn = 0;
  return () => run(programs[turn++ % programs.length] ?? "", command);
}

function run(program: string, { words, env = {}, stdin }: Omit<Command, "programs">): number {
  const began = performance.now();
  const { success } = Bun.spawnSync([program, ...words], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdin: stdin ?? "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  if (!success) throw new Error(`${program} ${words.join(" ")} failed`);
  return performance.now() - began;
}

/** `--help` and `--version` next to an empty program that was compiled in the same way. */
async function startPairs(bench: Bench): Promise<Pair[]> {
  const built = await Promise.all([bench.program(), bench.floor("empty")]);
  const [programs = [], empty = []] = await Promise.all(built.map((file) => bench.copies(file)));
  return ["--help", "--version"].map((flag) => ({
    what: `CLI ${flag}`,
    ours: { programs, words: [flag] },
    floor: { programs: empty, words: [] },
  }));
}

/** What hooks and people run most, next to curl posting the same body to the same bus; the last one makes news for the others. */
async function callPairs(bench: Bench, bus: Server): Promise<Pair[]> {
  const program = await bench.program();
  const programs = await bench.copies(program);
  const url = `http://127.0.0.1:${bus.port}/mcp`;
  const connection = await Connection.open(bus.port);
  const session = { name: "bench", client_id: "bench-cli", machine: "bench", cwd: "/" };
  const { session_id } = resultIn(await connection.call(tool("register_session", session)));
  connection.close();
  const env = {
    HOME: bus.folder,
    AGENT_EVENT_BUS_URL: url,
    AGENT_EVENT_BUS_SESSION_ID: session_id,
    CLAUDE_PID: String(process.pid),
  };
  const input = Buffer.from(JSON.stringify({ session_id: "bench-hook", cwd: bus.folder }));
  run(program, { words: ["hook", "session-start"], env, stdin: input });
  const curl = async (name: string, args: Record<string, unknown>): Promise<Command> => {
    const file = join(bus.folder, `${name}.json`);
    await Bun.write(file, toolCall(name, args));
    const flags = ["-sf", "-o", "/dev/null", "-H", "content-type: application/json", "-d", `@${file}`];
    return { programs: ["curl"], words: [...flags, url], stdin: input };
  };
  const news = { event_type: "bench", payload: "hello", channel: "all", session_id };
  return [
    {
      what: "CLI events --resume, nothing new",
      ours: { programs, words: ["events", "--resume"], env },
      floor: await curl("get_events", { session_id, resume: true }),
    },
    {
      what: "hook prompt, nothing new",
      ours: { programs, words: ["hook", "prompt"], env, stdin: input },
      floor: await curl("collect_events", { client_id: "bench-hook", path: "prompt", limit: 20 }),
    },
    {
      what: "CLI publish",
      ours: { programs, words: ["publish", "--type", "bench", "--payload", "hello"], env },
      floor: await curl("publish_event", news),
    },
  ];
}

export const commands: Row = {
  name: "commands",
  async run(bench) {
    const rounds = bench.quick ? 15 : 60;
    const figure =
      (floorIs: string, most: number) =>
      (times: PairTimes): Figure => ({
        ...times,
        unit: "ms",
        floorIs,
        target: { of: "ratio", most },
      });
    const starts = await timePairs(rounds, await startPairs(bench));
    if (Bun.which("curl") === null) return starts.map(figure("empty program", 1.3));
    const bus = await bench.startBus();
    const calls: PairTimes[] = [];
    for (const pair of await callPairs(bench, bus)) calls.push(...(await timePairs(rounds, [pair])));
    await bus.stop();
    return [...calls.map(figure("curl", 0.9)), ...starts.map(figure("empty program", 1.3))];
  },
};
