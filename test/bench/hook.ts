// `bun test/bench/hook.ts [--json]`: how long `hook prompt` takes on an empty inbox, next to curl posting the same request.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary } from "../support/binary.ts";

/** `hook prompt` may take this many times as long as curl. */
export const TARGET = 1;

export interface HookTimes {
  hookMs: number;
  curlMs: number;
  /** Median of the hook to median of curl, measured in turns. */
  ratio: number;
}

/** Starts a bus of its own. Throws when curl is absent or one of the two fails. */
export async function measureHook(rounds: number): Promise<HookTimes> {
  const folder = await mkdtemp(join(tmpdir(), "hook-bench-"));
  const env = { PATH: process.env.PATH ?? "", HOME: folder };
  const bus = Bun.spawn([binary, "serve", "--port", "0", "--json"], {
    env,
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const { value } = await bus.stdout.getReader().read();
    const { url } = JSON.parse(new TextDecoder().decode(value));
    const input = Buffer.from(JSON.stringify({ session_id: "bench", cwd: folder }));
    const hook = (name: string) => ({
      cmd: [binary, "hook", name],
      env: { ...env, AGENT_EVENT_BUS_URL: url, CLAUDE_PID: String(process.pid) },
      stdin: input,
    });
    run(hook("session-start"));
    const body = join(folder, "body.json");
    const params = { name: "collect_events", arguments: { client_id: "bench", path: "prompt", limit: 20 } };
    await Bun.write(body, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }));
    const curl = {
      cmd: ["curl", "-sf", "-o", "/dev/null", url, "-H", "content-type: application/json", "-d", `@${body}`],
      env,
      stdin: input,
    };
    const times: { hook: number[]; curl: number[] } = { hook: [], curl: [] };
    for (let round = 0; round < rounds; round++) {
      times.hook.push(run(hook("prompt")));
      times.curl.push(run(curl));
    }
    const [hookMs, curlMs] = [median(times.hook), median(times.curl)];
    return { hookMs, curlMs, ratio: hookMs / curlMs };
  } finally {
    bus.kill();
    await bus.exited;
    await rm(folder, { recursive: true, force: true });
  }
}

function run({ cmd, env, stdin }: { cmd: string[]; env: Record<string, string>; stdin: Buffer }): number {
  const start = performance.now();
  const { success } = Bun.spawnSync(cmd, { env, stdin, stdout: "ignore", stderr: "ignore" });
  if (!success) throw new Error(`${cmd.join(" ")} failed`);
  return performance.now() - start;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
  const times = await measureHook(60);
  if (process.argv.includes("--json")) console.log(JSON.stringify({ target: TARGET, ...times }));
  else {
    console.log(`hook prompt  ${times.hookMs.toFixed(1)} ms`);
    console.log(`curl         ${times.curlMs.toFixed(1)} ms`);
    console.log(`ratio        ${times.ratio.toFixed(2)} (target: at most ${TARGET.toFixed(2)})`);
  }
}
