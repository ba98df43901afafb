// A phone that reaches a user's bus through a proxy of the system, as `tailscale serve` is.
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { buttonSecret } from "../../src/domain/button.ts";
import type { ProcessBus } from "../support/bus.ts";
import { servedTo } from "../support/callers.ts";
import { sessionAt } from "../support/dialogs.ts";
import { DATA } from "../support/home.ts";
import { endUsers, newUser, noUsers, type User } from "../support/users.ts";

if (noUsers !== null) console.log(`skipped: a phone through a proxy of the system, ${noUsers}`);

async function busOf(user: User): Promise<ProcessBus> {
  return { ...(await user.serve()), db: join(user.home, DATA, "data.db") };
}

describe.skipIf(noUsers !== null)("the button of a notification", () => {
  afterAll(endUsers);

  // This process is root's, like tailscaled: the bus cannot look into it.
  test("answers through tailscale serve, for a phone that has the secret", async () => {
    const bus = await busOf(newUser(12_345));
    const { stand } = await sessionAt(bus);
    const { need, told } = await stand({ open_ms: 0 });
    const press = (secret: string) =>
      fetch(new URL(`/answer/${secret}`, bus.url), { method: "POST", headers: servedTo("ada@example.com") });
    const forged = await press(await buttonSecret({ ...need, secret: "00" }, "allow", Date.now()));
    expect(forged.status).toBe(404);
    const answer = await press(await buttonSecret(need, "allow", Date.now()));
    expect([answer.status, await answer.text()]).toEqual([200, "Answered: Allow once\n"]);
    expect(await told).toMatchObject({ answer: { behavior: "allow" }, via: "phone", by: "ada@example.com" });
    await bus.stop();
  });

  test("without the secret the login does not answer", async () => {
    const bus = await busOf(newUser(12_346));
    const { stand } = await sessionAt(bus);
    const { need } = await stand({ open_ms: 0 });
    const answer = await fetch(new URL("/api/answer", bus.url), {
      method: "POST",
      headers: { ...servedTo("ada@example.com"), "content-type": "application/json" },
      body: JSON.stringify({ need_id: need.need_id, words: ["allow"] }),
    });
    expect(answer.status).toBe(409);
    expect(await answer.text()).toContain("Only the user may answer");
    await bus.stop();
  });
});
