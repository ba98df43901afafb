import { beforeAll, describe, expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { serverOn } from "../support/broken.ts";
import { BROKEN_MCP } from "../support/broken_mcp.ts";
import { claudeCommand } from "../support/claude_command.ts";
import { expectFound, expectWell } from "../support/doctor.ts";
import { newMachine } from "../support/machine.ts";
import { freePort } from "../support/port.ts";

const claude = await claudeCommand();
if (claude === undefined)
  console.log("skipped: what the doctor asks the real Claude Code, no command claude");

describe.skipIf(claude === undefined)("on a machine with the real Claude Code", () => {
  const machine = newMachine(claude ?? "");
  let server: ReturnType<typeof serverOn>;

  beforeAll(async () => {
    const port = await freePort();
    server = serverOn(machine, port);
    const { code, stderr } = await machine.sh(`'${binary}' install server --port ${port} --yes`);
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("all is well, and the doctor says how Claude Code reaches the bus", async () => {
    const { checks } = await expectWell(machine);
    expect(checks.find(({ what }) => what === "mcp")?.state).toBe("ok");
  });

  test.each(BROKEN_MCP)("$name: the doctor finds it", (row) => expectFound(machine, server, row));
});
