import { expect, test } from "claude-code/testing";
import { Client } from "../kit/client.ts";

const STATUSES: readonly [summary: object, text: string][] = [
  [{ name: "api", here: 1, unread: 0, needs: 0 }, "api · 1 here"],
  [{ name: "api", here: 3, unread: 2, needs: 0 }, "api · 3 here · 2 unread"],
  [{ name: "api", here: 3, unread: 0, needs: 1 }, "api · 3 here · 1 needs you"],
  [{ name: "api", here: 3, unread: 1, needs: 2 }, "api · 3 here · 1 unread · 2 need you"],
  [{ here: 2, unread: 0, needs: 0 }, "2 here"],
];
for (const [summary, text] of STATUSES)
  test(`the line under the prompt: ${text}`, async ($, on) => {
    const client = new Client($, on);
    client.bus.summary = { ...summary };
    await client.start();
    expect(client.statuses).toEqual([text]);
  });

test("the line under the prompt follows the bus", async ($, on) => {
  const client = new Client($, on);
  await client.start();
  client.bus.summary = { name: "api", here: 4, unread: 1, needs: 0 };
  await client.clock.advance(20_000);
  expect(client.statuses.at(-1)).toBe("api · 4 here · 1 unread");
});
