import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join as path } from "node:path";
import { processStart } from "../../src/lib/process.ts";
import { fresh, join, newest, publish } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { startClient } from "../support/client.ts";
import { tempFolder } from "../support/folder.ts";

const bus = await startHere();

/** A name as some file systems write it, and as a keyboard does. */
function twoForms(): { apart: string; one: string } {
  const name = fresh("café-é");
  return { apart: name.normalize("NFD"), one: name.normalize("NFC") };
}

const WAYS = [
  ["apart", "one"],
  ["one", "apart"],
] as const;

for (const [told, asked] of WAYS) {
  const title = `told ${told}, asked ${asked}`;

  test(`a session is found by its name (${title})`, async () => {
    const forms = twoForms();
    const one = await join(bus, { name: forms[told] });
    expect([one.name, one.warning]).toEqual([forms.one, undefined]);
    const sent = await bus.call("publish_event", {
      ...{ event_type: "n", payload: "p", channel: `session:${forms[asked]}` },
    });
    expect([sent.channel, sent.warning]).toEqual([`session:${one.session_id}`, undefined]);
    const second = await join(bus, { name: forms[asked] });
    expect(second.name).toBe(`${forms.one}-2`);
    for (const key of ["from", "to"]) {
      const { error } = await bus.call("get_events", { [key]: forms[asked] });
      expect(error).toBeUndefined();
    }
  });

  test(`a claimed name gets its mail, before and after (${title})`, async () => {
    const forms = twoForms();
    const waits = await publish(bus, "waits", { channel: `@${forms[asked]}` });
    const holder = await join(bus, { name: forms[told], claim: true });
    expect(holder.claimed).toBe(`@${forms.one}`);
    expect(holder.waiting_mail).toMatchObject([{ event_id: waits }]);
    const sent = await bus.call("publish_event", {
      ...{ event_type: "n", payload: "p", channel: `@${forms[asked]}` },
    });
    expect(sent.channel).toBe(`session:${holder.session_id}`);
  });

  test(`a repository's events reach its sessions (${title})`, async () => {
    const forms = twoForms();
    const client = await startClient(bus, { repo: forms[told] });
    expect(client.repo).toBe(forms.one);
    const sent = await bus.call("publish_event", {
      ...{ event_type: "n", payload: "p", channel: `repo:${forms[asked]}`, signal_level: "actionable" },
    });
    expect([sent.channel, sent.warning]).toEqual([`repo:${forms.one}`, undefined]);
    await client.hook("prompt");
    expect(client.shown.map(({ id }) => id)).toEqual([sent.event_id]);
  });

  test(`a channel is read and waited for (${title})`, async () => {
    const forms = twoForms();
    const id = await publish(bus, "one", { channel: `room:${forms[told]}` });
    expect((await newest(bus)).channel).toBe(`room:${forms.one}`);
    const channel = `room:${forms[asked]}`;
    const { events, next_cursor: cursor } = await bus.call("get_events", { channel });
    expect(events.map((event: { id: number }) => event.id)).toEqual([Number(id)]);
    const waits = bus.call("get_events", { channel, cursor, order: "asc", wait_seconds: 20 });
    const next = await publish(bus, "two", { channel: `room:${forms[told]}` });
    expect((await waits).events.map((event: { id: number }) => event.id)).toEqual([Number(next)]);
  });

  test(`events are found by whom they are for (${title})`, async () => {
    const forms = twoForms();
    const toRoom = await publish(bus, "one", { channel: `room:${forms[told]}` });
    const toNobody = await publish(bus, "two", { channel: `session:${forms[told]}` });
    const toClaim = await publish(bus, "three", { channel: `@${forms[told]}` });
    const plain = await publish(bus, "four", { channel: `${forms[told]}-room` });
    const found = async (to: string) =>
      (await bus.call("get_events", { to, order: "asc" })).events.map(({ id }: { id: number }) => id);
    expect(await found(`room:${forms[asked]}`)).toEqual([toRoom]);
    expect(await found(forms[asked])).toEqual([toNobody, toClaim]);
    expect(await found(`@${forms[asked]}`)).toEqual([toClaim]);
    expect(await found(`${forms[asked]}-room`)).toEqual([plain]);
  });

  test(`a webhook gets the events of its channel (${title})`, async () => {
    const forms = twoForms();
    const receiver = Promise.withResolvers<string>();
    const server = Bun.serve({
      port: 0,
      async fetch(request) {
        receiver.resolve(await request.text());
        return new Response();
      },
    });
    const own = await startBus("source");
    const url = `http://127.0.0.1:${server.port}/`;
    const { channel } = await own.call("register_webhook", { url, channel: `room:${forms[told]}` });
    expect(channel).toBe(`room:${forms.one}`);
    await publish(own, "p", { channel: `room:${forms[asked]}:x` });
    expect(JSON.parse(await receiver.promise).channel).toBe(`room:${forms.one}:x`);
    await own.stop();
    await server.stop(true);
  });
}

test("a title in another form is the same title", async () => {
  const forms = twoForms();
  const client = await startClient(bus, { title: forms.one, name: forms.one });
  const start = (title: string) =>
    bus.call("start_session", {
      ...{ client_id: client.client_id, name: "x", cwd: "/", repo: "fleet", title },
      ...{ pid: client.pid, pid_started: processStart(client.pid) },
    });
  await bus.call("register_session", { client_id: client.client_id, name: "mine", repo: "fleet" });
  expect(await start(forms.apart)).toMatchObject({ name: "mine" });
});

test("commands in a folder of such a name are in its repository", async () => {
  const own = await startBus("binary");
  const forms = twoForms();
  const folder = path(tempFolder(), forms.apart);
  mkdirSync(folder);
  const registered = await cli(["register", "--json"], { bus: own, cwd: folder });
  expect(registered.json()).toMatchObject({ name: forms.one, repo: forms.one, cwd: folder });
  const sent = await cli(["send", forms.one, "hi", "--json"], { bus: own });
  expect(sent.json().channel).toBe(`session:${registered.json().session_id}`);
});
