import { expect, test } from "bun:test";
import { fresh, join, newest, problem, publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { startClient } from "../support/client.ts";
import { eventually } from "../support/webhook.ts";

const bus = await startHere();

/** The question that the session is asked next, once it is stored. */
async function questionTo(session_id: string): Promise<number> {
  let id = 0;
  await eventually("the question is there", async () => {
    const { events } = await bus.call("get_events", {
      channel: `session:${session_id}`,
      event_types: ["question"],
      limit: 1,
    });
    id = events[0]?.id ?? 0;
    return id > 0;
  });
  return id;
}

test("a question is answered by the first reply; a second one is only an event", async () => {
  const [asker, asked] = [await join(bus), await startClient(bus)];
  const asking = bus.call("ask", {
    to: asked.name,
    payload: "ready?",
    session_id: asker.session_id,
    wait_seconds: 30,
  });
  const event_id = await questionTo(asked.session_id);
  await asked.hook("prompt");
  expect(asked.shown[0]?.text).toContain(`answer with reply(event_id=${event_id})`);
  const first = await bus.call("reply", { event_id, payload: "yes", session_id: asked.session_id });
  const second = await bus.call("reply", { event_id, payload: "no", session_id: asked.session_id });
  expect(await asking).toMatchObject({
    event_id,
    channel: `session:${asked.session_id}`,
    answered: true,
    answer: { id: first.event_id, payload: "yes", session_id: asked.session_id, event_type: "answer" },
  });
  expect(first).toMatchObject({
    answers: event_id,
    channel: `session:${asker.session_id}`,
    reach: "polls_only",
  });
  expect(second.correlation_id).toBe(first.correlation_id);
  const { deliveries } = await bus.call("get_delivery", { event_id });
  expect(deliveries).toMatchObject([{ recipient: asked.session_id, state: "acked", offered_by: "prompt" }]);
});

test("of two replies at the same moment the asker is given the one that was stored first", async () => {
  const asked = await join(bus);
  const asking = bus.call("ask", { to: asked.session_id, payload: "?", wait_seconds: 30 });
  const event_id = await questionTo(asked.session_id);
  const replies = await Promise.all(["a", "b"].map((payload) => bus.call("reply", { event_id, payload })));
  expect((await asking).answer.id).toBe(Math.min(...replies.map((one) => one.event_id)));
});

test("when the time is up the question stays, and its answer is found by the correlation id", async () => {
  const asked = await startClient(bus);
  const answer = await bus.call("ask", { to: asked.name, payload: "?", wait_seconds: 1 });
  expect(answer).toMatchObject({ answered: false, reach: "next_tool" });
  expect(answer.error).toBe("No answer within 1 s. Reach: at its next tool use. The question stays open.");
  const waiting = bus.call("get_events", {
    correlation_id: answer.correlation_id,
    event_types: ["answer"],
    wait_seconds: 30,
  });
  await bus.call("reply", { event_id: answer.event_id, payload: "late", session_id: asked.session_id });
  expect((await waiting).events).toMatchObject([{ payload: "late" }]);
  expect(answer.hint).toContain(answer.correlation_id);
});

test.each(["@nobody-holds-this", "no-such-session"])(
  "nobody there is said at once, and the question stays: %s",
  async (to) => {
    const began = performance.now();
    const answer = await bus.call("ask", { to, payload: "?", wait_seconds: 60 });
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(answer.error).toMatch(/^No session can answer yet\. /);
    expect(answer).toMatchObject({ answered: false, channel: `session:${to}` });
    expect((await newest(bus)).id).toBe(answer.event_id);
  },
);

test("a session that is gone or unregistered is nobody too", async () => {
  const client = await startClient(bus);
  await client.kill();
  expect((await bus.call("ask", { to: client.session_id, payload: "?", wait_seconds: 60 })).error).toMatch(
    /No session can answer.*is gone/,
  );
  const left = await join(bus);
  await bus.call("unregister_session", { session_id: left.session_id });
  expect((await bus.call("ask", { to: left.session_id, payload: "?", wait_seconds: 60 })).error).toMatch(
    /No session can answer.*unregistered/,
  );
});

test("a name of two sessions is refused, and nothing is asked", async () => {
  const name = fresh("twin");
  await join(bus, { name, repo: "a" });
  await join(bus, { name, repo: "b" });
  const before = (await newest(bus)).id;
  expect((await bus.call("ask", { to: name, payload: "?", wait_seconds: 60 })).candidates).toHaveLength(2);
  expect((await newest(bus)).id).toBe(before);
});

test("a session whose name holds a colon is asked by it", async () => {
  const asked = await join(bus, { name: `fix: ${fresh()}` });
  const answer = await bus.call("ask", { to: asked.name, payload: "?", wait_seconds: 0 });
  expect(answer.channel).toBe(`session:${asked.session_id}`);
});

test("whoever asks without a session gets the answer, which goes to nobody else", async () => {
  const asked = await join(bus);
  const asking = bus.call("ask", { to: asked.session_id, payload: "?", wait_seconds: 30 });
  const reply = await bus.call("reply", {
    event_id: await questionTo(asked.session_id),
    payload: "yes",
    session_id: asked.session_id,
  });
  const channel = "session:anonymous";
  expect(reply).toMatchObject({ channel, warning: expect.stringContaining("gave no session") });
  expect(reply.reach).toBeUndefined();
  expect(await asking).toMatchObject({ answered: true, answer: { payload: "yes", channel } });
});

test.each(["all", "repo:shop", "machine:here"])(
  "an answer to a question of nobody in particular on %s goes there, and no further",
  async (channel) => {
    const event_id = await publish(bus, "who knows?", { event_type: "question", channel });
    expect(await bus.call("reply", { event_id, payload: "I do" })).toMatchObject({ channel });
  },
);

test("an event without a correlation id is answered under one made of its number", async () => {
  const [sender, replier] = [await join(bus), await join(bus)];
  const id = await publish(bus, "x", {
    session_id: sender.session_id,
    channel: `session:${replier.session_id}`,
  });
  const reply = await bus.call("reply", { event_id: id, payload: "y", session_id: replier.session_id });
  expect(reply).toMatchObject({ correlation_id: `event-${id}`, channel: `session:${sender.session_id}` });
  expect((await bus.call("get_delivery", { event_id: id })).deliveries).toMatchObject([{ state: "acked" }]);
});

test("a reply to no event, or to a sender that is gone, says so", async () => {
  const before = (await newest(bus)).id;
  const missing = await bus.call("reply", { event_id: before + 100, payload: "x" });
  expect(missing).toEqual({
    error: `There is no event ${before + 100}. Nothing was published.`,
    event_id: before + 100,
  });
  expect((await newest(bus)).id).toBe(before);
  const sender = await startClient(bus);
  const id = await publish(bus, "x", { session_id: sender.session_id });
  await sender.kill();
  expect((await bus.call("reply", { event_id: id, payload: "y" })).warning).toContain("is gone");
  for (const event_id of [0, -1, 1.5, 2 ** 53])
    expect(await problem(bus, "reply", { event_id, payload: "x" })).toContain("event_id");
});

test("ask on the command line prints the answer, or fails with a sentence", async () => {
  const asked = await join(bus, { name: fresh("cli") });
  const asking = cli(["ask", "--to", asked.name, "--payload", "-", "--timeout", "30s"], {
    bus,
    stdin: "from\nstdin",
  });
  const id = await questionTo(asked.session_id);
  expect((await newest(bus)).payload).toBe("from\nstdin");
  const reply = await cli(
    ["reply", "--to", String(id), "--payload", "a\u001b[31mb", "--session-id", asked.session_id],
    { bus },
  );
  expect([reply.code, reply.stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^Answered #${id} with #\\d+ to session:anonymous\n$`)),
  ]);
  const { code, stdout, stderr } = await asking;
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/#\d+ from /);
  expect(stdout).not.toContain("\u001b");
});

test("ask --json prints one document, answered or not; not answered is exit code 1", async () => {
  const asked = await join(bus);
  const asking = cli(["ask", "--to", asked.session_id, "--payload", "?", "--json"], { bus });
  await bus.call("reply", { event_id: await questionTo(asked.session_id), payload: "yes" });
  const answered = await asking;
  expect([answered.code, answered.json().answer.payload]).toEqual([0, "yes"]);
  const unanswered = await cli(
    ["ask", "--to", asked.session_id, "--payload", "?", "--timeout", "1", "--json"],
    { bus },
  );
  expect([unanswered.code, unanswered.json().answered]).toEqual([1, false]);
  const nobody = await cli(["ask", "--to", "@nobody", "--payload", "?"], { bus });
  expect([nobody.code, nobody.stdout]).toEqual([1, ""]);
  expect(nobody.stderr).toContain("No session can answer yet.");
  const noEvent = await cli(["reply", "--to", "999999", "--payload", "x"], { bus });
  expect([noEvent.code, noEvent.stdout]).toEqual([1, ""]);
});

const TIMES: [text: string, code: number, says: RegExp][] = [
  ["1", 1, /within 1 s/],
  ["1s", 1, /within 1 s/],
  ["0", 1, /within 0 s/],
  ["0s", 1, /within 0 s/],
  ["-1", 64, /takes a time|needs a value/],
  ["soon", 64, /--timeout takes a time like 30s or 5m, not "soon"\./],
  ["1.5s", 64, /takes a time/],
  ["", 64, /takes a time|needs a value/],
  ["10h", 1, /wait_seconds/],
];

test.each(TIMES)("ask --timeout %j", async (text, code, says) => {
  const asked = await join(bus);
  const result = await cli(["ask", "--to", asked.session_id, "--payload", "?", `--timeout=${text}`], { bus });
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(says);
  expect(result.stdout).toBe("");
});
