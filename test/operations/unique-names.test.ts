import { expect, test } from "bun:test";
import { fresh, join } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { startClient } from "../support/client.ts";

const bus = await startHere();

test("a second living session of that name, machine and repository gets a number and is told", async () => {
  const name = fresh("n");
  expect(await join(bus, { name, repo: "r" })).toMatchObject({ name });
  const second = await join(bus, { name, repo: "r" });
  expect(second.name).toBe(`${name}-2`);
  expect(second.warning).toBe(
    `Another live session in this repository is called ${name}, so your name is ${name}-2.`,
  );
  const third = await startClient(bus, { name, repo: "r" });
  expect(third.name).toBe(`${name}-3`);
  for (const elsewhere of [{ repo: "other" }, { repo: "r", machine: "far" }]) {
    const free = await join(bus, { name, ...elsewhere });
    expect([free.name, free.warning]).toEqual([name, undefined]);
  }
});

test("of 20 sessions that come at the same moment under one name each has its own", async () => {
  const name = fresh("n");
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? join(bus, { name, repo: "r" }) : startClient(bus, { name, repo: "r" }),
    ),
  );
  const names = new Set(all.map((one) => one.name));
  expect(names).toEqual(new Set([name, ...Array.from({ length: 19 }, (_, i) => `${name}-${i + 2}`)]));
});

test("a name is free again when its session is unregistered or its client is gone; who has it keeps it", async () => {
  const name = fresh("n");
  const first = await startClient(bus, { name });
  await first.kill();
  const second = await join(bus, { name, repo: "fleet" });
  expect(second.name).toBe(name);
  await bus.call("unregister_session", { session_id: second.session_id });
  const client_id = fresh();
  expect((await join(bus, { name, repo: "fleet", client_id })).name).toBe(name);
  expect(await join(bus, { name, repo: "fleet", client_id })).toMatchObject({ name, resumed: true });
  expect((await join(bus, { name, repo: "fleet" })).name).toBe(`${name}-2`);
});
