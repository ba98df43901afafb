import { expect, test } from "bun:test";
import { fresh } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { bash, cliOnTerminal } from "../support/cli.ts";
import { ABOUT_MESSAGES, commandRunner } from "../support/commands.ts";
import { eventually } from "../support/webhook.ts";

const bus = await startHere();
const { run, runRaw, used } = commandRunner(bus);

test("register --claim holds a name, whose mail waits for the next holder", async () => {
  const name = fresh("api");
  const mail = { type: "note", payload: "for you", channel: `@${name}` };
  const published = await runRaw("publish", mail, {}, "--json");
  expect(published.code).toBe(0);
  const waiting = published.json();
  expect(waiting.warning).toStartWith(`No live session holds the name @${name}.`);
  const holder = await run("register", { name, claim: true });
  expect(holder).toMatchObject({ name, claimed: `@${name}` });
  expect(holder.waiting_mail).toMatchObject([{ event_id: waiting.event_id, payload: "for you" }]);
  const sent = await run("publish", { type: "note", payload: "again", channel: `@${name}` });
  expect(sent.channel).toBe(`session:${holder.session_id}`);
  const second = await runRaw("register", { name, claim: true }, {}, "--json");
  expect(second.code).toBe(0);
  expect(second.json()).toMatchObject({ name: `${name}-2` });
  expect(second.json()).not.toHaveProperty("claimed");
  expect(second.stderr).toContain(`@${name} is already held by ${holder.display_id}`);
});

test("publish --track and message --wait tell how far a direct message came", async () => {
  const { session_id } = await run("register", { name: fresh("tracked"), "client-id": fresh("client") });
  const to = { type: "note", payload: "x", channel: `session:${session_id}` };
  const { event_id } = await run("publish", to);
  const delivery = { recipient: session_id, state: "stored", reach: "polls_only" };
  expect(await run(`message ${event_id}`)).toMatchObject({ event_id, deliveries: [delivery] });
  const waiting = run(`message ${event_id}`, { wait: "60" });
  const hook = { client_id: session_id, path: "prompt" };
  const { events } = await bus.call("collect_events", hook);
  const seen = { client_id: session_id, event_ids: events.map(({ id }: { id: number }) => String(id)) };
  await bus.call("confirm_events", seen);
  expect((await waiting).deliveries).toMatchObject([
    { ...delivery, state: "seen", offered_by: "prompt", reach: "next_tool" },
  ]);
});

test("publish --track waits until the message was seen", async () => {
  const { session_id } = await run("register", { name: fresh("tracked") });
  const to = { type: "note", payload: "x", channel: `session:${session_id}` };
  const tracking = run("publish", { ...to, track: true });
  const mine = { session_id, resume: true, order: "asc", wait_seconds: 60 };
  const { events } = await bus.call("get_events", mine);
  expect(await tracking).toMatchObject({
    event_id: events[0].id,
    deliveries: [{ recipient: session_id, state: "seen", offered_by: "read" }],
  });
});

test("publish --track of a message that nobody sees says after 10 s how far it came", async () => {
  const { session_id } = await run("register", { name: fresh("tracked") });
  const to = { type: "note", payload: "x", channel: `session:${session_id}` };
  expect(await run("publish", { ...to, track: true })).toMatchObject({
    deliveries: [{ recipient: session_id, state: "stored", reach: "polls_only" }],
  });
});

test("ask waits for the reply; without one it says so and exits with 1", async () => {
  const [asker, other] = [
    await run("register", { name: fresh("asker") }),
    await run("register", { name: fresh("asked") }),
  ];
  const question = { to: other.name, payload: "frozen?", "session-id": asker.session_id };
  const asking = run("ask", { ...question, timeout: "1m" });
  const { events } = await run("events", {
    include: "question",
    "session-id": other.session_id,
    wait: "60",
    order: "asc",
  });
  const answer = { to: String(events[0].id), payload: "since Monday", "session-id": other.session_id };
  expect(await run("reply", answer)).toMatchObject({
    answers: events[0].id,
    channel: `session:${asker.session_id}`,
  });
  expect(await asking).toMatchObject({
    answered: true,
    answer: { payload: "since Monday", session_id: other.session_id },
  });
  expect((await run(`message ${events[0].id}`)).deliveries).toMatchObject([{ state: "acked" }]);
  const unanswered = await runRaw("ask", { ...question, timeout: "1s" }, {}, "--json");
  expect(unanswered.code).toBe(1);
  expect(unanswered.json()).toMatchObject({
    answered: false,
    error: expect.stringContaining("No answer within 1 s"),
  });
});

test("events --follow shows what comes, one event a line with --json, until it is ended", async () => {
  const payloads = [fresh("follow"), fresh("follow")];
  const script = `agent-event-bus events --follow --limit 1 --json > out & until [ -s out ]; do sleep 0.05; done
    for payload in ${payloads.join(" ")}; do agent-event-bus publish --type note --payload $payload > /dev/null; done
    until grep -q ${payloads[1]} out; do sleep 0.05; done; kill $!; cat out`;
  await run("publish", { type: "note", payload: "before" });
  const { stdout } = await bash(script, { bus });
  const shown = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).payload);
  used.add("events --follow");
  expect(shown).toEqual(["before", ...payloads]);
});

test("inbox shows what sessions wrote to the person", async () => {
  const payload = fresh("for you");
  const { event_id } = await run("publish", { type: "note", payload, channel: "@human" });
  const { messages, unread, yours } = await run("inbox");
  expect(messages.at(-1)).toMatchObject({ id: event_id, payload, from: "anonymous" });
  // A pipe is not the person: nothing counts as seen.
  expect([messages.length, yours]).toEqual([unread, false]);
  expect((await runRaw("inbox", {})).stdout).toContain(payload);
});

test("needs shows what waits for the person, who alone may answer or dismiss it", async () => {
  const { session_id, name } = await run("register", { name: fresh("stuck") });
  const call = async (text: string) => {
    await run("publish", { type: "help_needed", payload: text, "session-id": session_id });
    const found = (await run("needs")).find((need: { text: string }) => need.text === text);
    expect(found).toMatchObject({ kind: "help", name, state: "open" });
    return String(found.need_id);
  };
  const typed = async (...args: string[]) => Bun.stripANSI(await cliOnTerminal(args, { bus }));
  const [first, second] = [await call(fresh("which branch")), await call(fresh("which key"))];
  const refused = await runRaw("answer", {}, {}, first, "main");
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("terminal")]);
  expect(await typed("needs")).toContain(`agent-event-bus answer ${first}`);
  expect(await typed("answer", first, "main")).toContain(`Answered #${first} of ${name}: main`);
  expect(await typed("answer", first, "dev")).toContain(`closed: main (by the user in a terminal)`);
  const [told] = (await run("events", { "session-id": session_id, include: "answer" })).events;
  expect(told).toMatchObject({ payload: "main", session_id: "human", origin: "person" });
  expect(await typed("answer", second, "--dismiss")).toContain(`Dismissed #${second}`);
  used.add("answer --dismiss");
  const all: { need_id: number; state: string }[] = await run("needs", { all: true });
  const stateOf = (id: string) => all.find(({ need_id }) => String(need_id) === id)?.state;
  expect([stateOf(first), stateOf(second)]).toEqual(["answered", "withdrawn"]);
});

test("a question to the person waits as a need, and its asker gets the answer", async () => {
  const { session_id, name } = await run("register", { name: fresh("asker") });
  const payload = fresh("may I merge?");
  const asking = run("ask", { to: "@human", payload, "session-id": session_id, timeout: "1m" });
  const find = async () => (await run("needs")).find((need: { text: string }) => need.text === payload);
  await eventually("it is listed", async () => (await find()) !== undefined);
  const { need_id, kind } = await find();
  expect(kind).toBe("ask");
  const told = await cliOnTerminal(["answer", String(need_id), "yes,", "merge", "it"], { bus });
  expect(Bun.stripANSI(told)).toContain(`Answered #${need_id} of ${name}: yes, merge it`);
  expect(await asking).toMatchObject({
    answered: true,
    answer: { payload: "yes, merge it", origin: "person" },
  });
  // The mail that asked is read by the answer.
  const unread = (await run("inbox")).messages.map((one: { payload: string }) => one.payload);
  expect(unread).not.toContain(payload);
});

test("the tests above used every command and flag about messages", () => {
  expect([...ABOUT_MESSAGES].filter((one) => !used.has(one))).toEqual([]);
});
