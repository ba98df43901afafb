// The texts of the commands that mend, followed as a user would, and what `stop` leaves.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { processStart } from "../../src/lib/process.ts";
import { binary } from "../support/binary.ts";
import { put } from "../support/tree.ts";
import { eventually } from "../support/webhook.ts";
import { adviceIn, INSTALL, prepared, STATES, table, testAdvice } from "./machine_states.ts";

testAdvice(["doctor", INSTALL]);

for (const [state, prepare, manager = true] of STATES) {
  test(`${state}: stop leaves no bus of this machine, and says so`, async () => {
    const it = await prepared(manager);
    await prepare(it);
    const { code, text } = await it.sh(`'${binary}' stop`);
    table.push(`== ${state}: stop`, `[${code}] ${text.trim()}`, "");
    if (state.endsWith("it hangs")) {
      expect([code, text]).toEqual([
        1,
        expect.stringMatching(/To end it at once, which loses no event: kill -9 \d+$/m),
      ]);
      const advice = adviceIn(text, binary) ?? "false";
      expect((await it.sh(advice)).code).toBe(0);
      // A process that is killed ends a moment later.
      const pid = Number(advice.split(" ").at(-1));
      await eventually(`the end of process ${pid}`, () => processStart(pid) === null);
    } else expect([code, text]).toEqual([0, text]);
    const again = await it.sh(`'${binary}' stop`);
    expect([again.code, again.text]).toEqual([0, expect.stringContaining("The bus does not run.")]);
  }, 90_000);
}

test("a client of another machine: the bus elsewhere is named, and the way to one here", async () => {
  const it = await prepared(true);
  const url = "http://127.0.0.1:1/mcp";
  put(join(it.data, "settings.env"), `PORT=${it.port}\nAGENT_EVENT_BUS_URL=${url}\n`, 0o600);
  for (const command of ["start", "restart"]) {
    const { code, text } = await it.sh(`'${binary}' ${command}`);
    table.push(`== a client of another machine: ${command}`, `[${code}] ${text.trim()}`, "");
    expect(code).toBe(1);
    expect(text).toContain(`This machine uses the bus at ${url} (AGENT_EVENT_BUS_URL in settings.env).`);
    expect(text).toContain(
      `On that machine: agent-event-bus ${command}. To have a bus here instead, first: `,
    );
  }
  const status = await it.sh(`'${binary}' status`);
  expect([status.code, status.text]).toEqual([
    1,
    expect.stringMatching(/does not answer\..* On its own machine: agent-event-bus status$/m),
  ]);
  const stop = await it.sh(`'${binary}' stop`);
  expect([stop.code, stop.text]).toEqual([
    0,
    expect.stringContaining(`uses the bus at ${url}, which is stopped on its`),
  ]);
  expect(
    (await it.sh(`'${binary}' uninstall --client --yes && '${binary}' start && '${binary}' status`)).code,
  ).toBe(0);
});
