import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Bench, type Server } from "../bench/bench.ts";
import { toolCall } from "../bench/load/connection.ts";
import { binary } from "../support/binary.ts";
import { noPageFaults, pageFaults } from "../support/page_faults.ts";

if (noPageFaults !== null) console.log(`skipped: page faults of commands and hooks, ${noPageFaults}`);

// Most of a start is the loading of pages, and one package more costs hundreds. The same executable needs up to 7 % more or
// fewer of them, depending on what the kernel holds of its file; the time that they take is measured by test/bench.
describe.skipIf(noPageFaults !== null)("page faults of the executable", () => {
  const bench = new Bench({ program: binary });
  let bus: Server;
  let empty: number;
  let posting: number;
  const id = "page-faults";
  const input = JSON.stringify({ session_id: id, cwd: "/" });
  let env: Record<string, string>;

  beforeAll(async () => {
    bus = await bench.startBus();
    const url = `http://127.0.0.1:${bus.port}/mcp`;
    env = { HOME: bus.folder, AGENT_EVENT_BUS_URL: url, AGENT_EVENT_BUS_HOOK_TIMEOUT: "30000" };
    const body = toolCall("collect_events", { client_id: id, path: "prompt", limit: 20 });
    empty = pageFaults([await bench.floor("empty")], {});
    posting = pageFaults([await bench.floor("fetch"), url, body], env, input);
  });
  afterAll(() => bench.scratch.remove());

  const ofProgram = (words: readonly string[]) => pageFaults([binary, ...words], env, input);

  test.each([["--help"], ["--version"]])("%s: little more than an empty program", (flag) => {
    expect(ofProgram([flag]) / empty).toBeLessThan(1.15);
  });

  test.each([
    ["hook prompt"],
    ["hook tool"],
    ["hook stop"],
    [`events --resume --session-id ${id}`],
    ["publish --type note --payload hello"],
  ])("%s: little more than a program that reads its stdin and posts the same request", (line) => {
    ofProgram(["hook", "session-start"]);
    expect(ofProgram(line.split(" ")) / posting).toBeLessThan(1.3);
  });

  test.each([["sessions"], ["needs"]])("%s: such a program and a table, and no other command", (name) => {
    ofProgram(["hook", "session-start"]);
    // With all commands it would be 1.6.
    expect(ofProgram([name]) / posting).toBeLessThan(1.45);
  });
});
