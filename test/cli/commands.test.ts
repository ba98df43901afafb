import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { fresh } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { cli, startBusWithDesktop } from "../support/cli.ts";
import { ABOUT_MESSAGES, commandRunner, everyFlag } from "../support/commands.ts";
import { tempFolder } from "../support/folder.ts";

const bus = await startHere();
const { run, runRaw, used } = commandRunner(bus);

const payloadsOf = (answer: { events: { payload: string }[] }) => answer.events.map(({ payload }) => payload);

test("register without a flag joins under the folder's name, and states folder, machine and repository", async () => {
  const folder = join(tempFolder(), "my-repo", ".worktrees", "my feature");
  mkdirSync(folder, { recursive: true });
  const answer = await run("register", {}, { cwd: folder });
  expect(answer).toMatchObject({ name: "my feature", repo: "my-repo", machine: hostname(), resumed: false });
  expect(answer.cwd).toEndWith("/my-repo/.worktrees/my feature");
});

test("register --client-id again resumes the session", async () => {
  const id = fresh("client");
  const first = await run("register", { name: "one", "client-id": id });
  const again = await run("register", { name: "two", "client-id": id });
  expect(first).toMatchObject({ session_id: id, name: "one", resumed: false });
  expect(again).toMatchObject({ session_id: id, display_id: first.display_id, name: "two", resumed: true });
});

test("unregister takes the session by --session-id or by --client-id", async () => {
  const [one, two] = [fresh("client"), fresh("client")];
  await run("register", { "client-id": one, name: one });
  await run("register", { "client-id": two, name: two });
  expect(await run("unregister", { "session-id": one })).toMatchObject({ success: true, session_id: one });
  expect(await run("unregister", { "client-id": two })).toMatchObject({ success: true, session_id: two });
});

test("register and unregister --client-id state this machine, for the bus may run on another", async () => {
  const sent: unknown[] = [];
  const elsewhere = Bun.serve({
    port: 0,
    async fetch(request) {
      sent.push(((await request.json()) as { params: { arguments: object } }).params.arguments);
      return Response.json({ jsonrpc: "2.0", id: 1, result: { structuredContent: {} } });
    },
  });
  const options = { bus: { url: `http://127.0.0.1:${elsewhere.port}/mcp` }, cwd: tempFolder() };
  await run("register", { name: "n", "client-id": "c" }, options);
  await run("unregister", { "client-id": "c" }, options);
  await run("unregister", { "session-id": "s" }, options);
  const cwd = realpathSync(options.cwd);
  const here = { cwd, repo: basename(cwd), machine: hostname() };
  expect(sent).toEqual([
    { name: "n", client_id: "c", ...here },
    { client_id: "c", machine: hostname() },
    { session_id: "s" },
  ]);
  await elsewhere.stop(true);
});

test("sessions and channels list who is here", async () => {
  const { session_id, display_id } = await run("register", { name: "listed" });
  const sessions = await run("sessions");
  expect(sessions.find((one: { session_id: string }) => one.session_id === session_id).name).toBe("listed");
  expect(await run("channels")).toContainEqual({ channel: `session:${session_id}`, subscribers: 1 });
  const { stdout } = await runRaw("sessions", {});
  expect(stdout).toContain(display_id);
  expect((await runRaw("channels", {})).stdout).toContain(`session:${session_id}`);
});

test("sessions --cost tells how often each was woken and how much it was given to read", async () => {
  const { session_id, name } = await run("register", { name: fresh("costly"), "client-id": fresh() });
  await run("publish", { type: "note", payload: "read this", channel: `session:${session_id}` });
  const { events } = await bus.call("collect_events", { client_id: session_id, path: "prompt" });
  const shown = {
    event_ids: events.map(({ id }: { id: number }) => String(id)),
    path: "prompt",
    bytes: 2_500,
  };
  await bus.call("confirm_events", { client_id: session_id, ...shown });
  const mine = (await run("sessions", { cost: true })).find(
    (one: { session_id: string }) => one.session_id === session_id,
  );
  const handedOver = { wakes: 0, hand_overs: 1, bytes: 2_500 };
  expect(mine.cost).toEqual({ hour: handedOver, day: handedOver });
  const { stdout } = await runRaw("sessions", { cost: true });
  expect(stdout).toMatch(new RegExp(`${name} +0 +0 +1 +1 +3 +3`));
});

test("attention shows and changes what may wake a session, one or all", async () => {
  const [one, two] = [fresh("quiet"), fresh("loud")];
  for (const name of [one, two]) await run("register", { name, "client-id": name });
  const settingOf = async (name: string) =>
    (await run(`attention ${name}`)).sessions.map(({ wake, muted_until }: Record<string, unknown>) => [
      wake,
      muted_until !== null,
    ]);
  expect(await settingOf(one)).toEqual([["direct", false]]);
  await run(`attention ${one}`, { wake: "off", mute: "1h" });
  expect(await settingOf(one)).toEqual([["off", true]]);
  expect(await settingOf(two)).toEqual([["direct", false]]);
  const { stdout } = await runRaw(`attention ${one}`, {});
  expect(stdout).toMatch(
    new RegExp(`^${one}: woken by nothing, muted until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d`),
  );
  await run("attention all", { unmute: true, wake: "default" });
  expect(await settingOf(one)).toEqual([["direct", false]]);
});

test.each([
  ["--mute takes a time up to 30d", { mute: "soon" }],
  ["--mute takes a time up to 30d", { mute: "31d" }],
  ["Use --mute or --unmute, not both", { mute: "1h", unmute: true }],
  ["--wake is one of direct, repo, all, off, default", { wake: "sometimes" }],
] as const)("attention refuses what it cannot do: %s", async (sentence, flags) => {
  const { code, stderr } = await runRaw("attention all", flags);
  expect(code).not.toBe(0);
  expect(stderr).toContain(sentence);
});

test("attention names what it did not find", async () => {
  const { code, stderr, stdout } = await runRaw("attention nobody-at-all", {});
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('No live session has the name or id "nobody-at-all".');
});

test("publish sends every flag", async () => {
  const flags = { type: "note", payload: "hello", channel: "team:x", "session-id": fresh(), title: "Head" };
  const more = { tags: "a, b,,c", "correlation-id": "c-1", "signal-level": "lifecycle" };
  const { event_id } = await run("publish", { ...flags, ...more });
  const { events } = await run("events", { cursor: String(event_id - 1), order: "asc" });
  expect(events).toEqual([
    {
      id: event_id,
      event_type: "note",
      payload: "hello",
      session_id: flags["session-id"],
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      channel: "team:x",
      correlation_id: "c-1",
      signal_level: "lifecycle",
      title: "Head",
      tags: ["a", "b", "c"],
      origin: "local",
    },
  ]);
});

test("send goes to a session's name, to @human, to a channel or to all, and takes publish's flags", async () => {
  const [name, session_id] = [fresh(), fresh()];
  const { session_id: id } = await bus.call("register_session", { name, client_id: session_id });
  const sent = async (line: string, flags = {}) => run(`send ${line}`, flags);
  expect(await sent(`${name} hi there`)).toMatchObject({
    event_type: "message",
    payload: "hi there",
    channel: `session:${id}`,
    signal_level: "actionable",
  });
  expect(await sent("@human hi")).toMatchObject({ channel: "session:human" });
  expect(await sent("machine:x hi")).toMatchObject({ channel: "machine:x" });
  expect(await sent("all hi")).toMatchObject({ channel: "all" });
  expect(await runRaw(`send ${name} -`, {}, { stdin: "from stdin\n" }, "--json")).toMatchObject({ code: 0 });
  const flags = {
    type: "review",
    title: "Head",
    tags: "a,b",
    "correlation-id": "c-9",
    "session-id": session_id,
  };
  const more = { payload: "text", "signal-level": "info", track: true } as const;
  const { event_id } = await sent(name, { ...flags, ...more });
  const { events } = await run("events", { cursor: String(event_id - 2), order: "asc" });
  expect(events).toMatchObject([
    { payload: "from stdin\n" },
    {
      event_type: "review",
      title: "Head",
      tags: ["a", "b"],
      correlation_id: "c-9",
      session_id: id,
      payload: "text",
    },
  ]);
});

test("events selects by --since, --from, --to, --grep and --before", async () => {
  const [sender, reader, word] = [fresh(), fresh(), `needle${fresh()}`];
  await bus.call("register_session", { name: sender, client_id: sender });
  await bus.call("register_session", { name: reader, client_id: reader });
  const first = await run(`send ${reader} one ${word}`, { "session-id": sender });
  const second = await run(`send ${sender} two ${word}`, { "session-id": reader });
  const ids = async (flags: Record<string, string>) => {
    const { events } = await run("events", { type: "message", ...flags });
    return events.map(({ id }: { id: number }) => id).filter((id: number) => id >= first.event_id);
  };
  expect(await ids({ grep: word.toUpperCase() })).toEqual([second.event_id, first.event_id]);
  expect(await ids({ grep: "no such text" })).toEqual([]);
  expect(await ids({ from: sender })).toEqual([first.event_id]);
  expect(await ids({ to: sender })).toEqual([second.event_id]);
  expect(await ids({ grep: word, before: String(second.event_id) })).toEqual([first.event_id]);
  expect(await ids({ grep: word, since: "1h" })).toEqual([second.event_id, first.event_id]);
  const refused = await runRaw("events", { since: "soon" });
  expect([refused.code, refused.stderr]).toEqual([
    64,
    'agent-event-bus: --since takes a time like 1h, 14:00, yesterday or 2026-11-01, not "soon".\n',
  ]);
});

test("events in words shows one event a line with names, hides lifecycle events, and shows them whole with --full", async () => {
  const [sender, reader] = [fresh(), fresh()];
  await bus.call("register_session", { name: sender, client_id: sender });
  await bus.call("register_session", { name: reader, client_id: reader });
  await run(`send ${reader} one two`, { "session-id": sender });
  const words = async (flags: Record<string, string | true>) =>
    (await runRaw("events", { limit: "3", ...flags })).stdout;
  const line = new RegExp(
    `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d  #\\d+  ${sender} → ${reader} +message +one two  not seen yet$`,
    "m",
  );
  expect(await words({})).toMatch(line);
  expect(await words({})).not.toContain("session_registered");
  expect(await words({ all: true })).toContain("session_registered");
  expect(await words({ type: "session_registered" })).toContain("session_registered");
  expect(await words({ full: true })).toMatch(
    new RegExp(`${sender} → ${reader}  message .*\\n {4}one two\\n`),
  );
});

test("events selects by --cursor, --limit, --order, --channel, --include, --exclude, --correlation-id and --min-level", async () => {
  const tip = (await run("events", { limit: "0" })).next_cursor;
  const since = { cursor: tip, order: "asc" };
  const [one, two, three] = ["one", "two", "three"];
  await run("publish", { type: "t1", payload: one, channel: "team:one" });
  await run("publish", { type: "t2", payload: two, "correlation-id": "thread" });
  await run("publish", { type: "help_needed", payload: three });
  expect(payloadsOf(await run("events", since))).toEqual([one, two, three]);
  expect(payloadsOf(await run("events", { cursor: tip, order: "desc" }))).toEqual([three, two, one]);
  expect(payloadsOf(await run("events", { ...since, limit: "2" }))).toEqual([one, two]);
  expect(payloadsOf(await run("events", { ...since, channel: "team:one" }))).toEqual([one]);
  expect(payloadsOf(await run("events", { ...since, include: "t1, t2" }))).toEqual([one, two]);
  expect(payloadsOf(await run("events", { ...since, exclude: "t1, t2" }))).toEqual([three]);
  expect(payloadsOf(await run("events", { ...since, "correlation-id": "thread" }))).toEqual([two]);
  expect(payloadsOf(await run("events", { ...since, "min-level": "actionable" }))).toEqual([three]);
});

test("events --resume reads each event once, and --peek leaves it unread", async () => {
  const { session_id } = await run("register", { name: fresh("reader") });
  const mine = { "session-id": session_id, resume: true, order: "asc" } as const;
  await run("publish", { type: "note", payload: "news" });
  expect(payloadsOf(await run("events", { ...mine, peek: true }))).toEqual(["news"]);
  expect(payloadsOf(await run("events", mine))).toEqual(["news"]);
  expect(payloadsOf(await run("events", mine))).toEqual([]);
});

test("events --wait holds the call until something matches, longer than --timeout alone would allow", async () => {
  const { session_id } = await run("register", { name: fresh("reader") });
  const mine = { "session-id": session_id, resume: true, order: "asc" } as const;
  const waiting = run("events", { ...mine, wait: "20", timeout: "600" });
  await Bun.sleep(1_000);
  await run("publish", { type: "note", payload: "at last" });
  expect(payloadsOf(await waiting)).toEqual(["at last"]);
});

test("ack saves the cursor, and --allow-rewind moves it back", async () => {
  const { session_id, cursor } = await run("register", { name: fresh("reader") });
  const session = { "session-id": session_id };
  const { event_id } = await run("publish", { type: "note", payload: "x" });
  const saved = await run("ack", { ...session, cursor: String(event_id) });
  expect(saved).toEqual({ success: true, session_id, cursor: String(event_id), previous_cursor: cursor });
  expect((await runRaw("ack", { ...session, cursor: "0" })).code).toBe(1);
  expect((await run("ack", { ...session, cursor: "0", "allow-rewind": true })).cursor).toBe("0");
});

test.skipIf(process.platform === "win32")("notify shows a notification on the bus's desktop", async () => {
  const desktop = await startBusWithDesktop();
  const sent = { title: "Build", message: "Complete" };
  expect(await run("notify", sent, { bus: desktop })).toEqual({ success: true, ...sent });
  expect(readFileSync(desktop.shown, "utf8")).toMatch(/Build[\s\S]*Complete/);
  expect(readFileSync(desktop.shown, "utf8")).not.toContain("sound");
  await run("notify", { ...sent, sound: true }, { bus: desktop });
  expect(readFileSync(desktop.shown, "utf8")).toContain("sound");
});

test("webhook register, list, disable, enable and unregister manage webhooks", async () => {
  const filters = { channel: "repo:", "event-types": "a,b", secret: "s3cret" };
  const hook = await run("webhook register", { url: "https://example.com/x", ...filters });
  expect(hook).toMatchObject({ url: "https://example.com/x", channel: "repo:", event_types: ["a", "b"] });
  const id = hook.webhook_id;
  const listed = { webhook_id: id, active: true, has_secret: true };
  expect(await run("webhook list")).toEqual([expect.objectContaining(listed)]);
  expect(await run(`webhook disable ${id}`)).toEqual({ success: true, webhook_id: id, active: false });
  expect(await run("webhook list")).toEqual([]);
  expect(await run("webhook list", { all: true })).toEqual([
    expect.objectContaining({ ...listed, active: false }),
  ]);
  expect(await run(`webhook enable ${id}`)).toEqual({ success: true, webhook_id: id, active: true });
  expect(await run(`webhook unregister ${id}`)).toEqual({ success: true, webhook_id: id });
  expect(await run("webhook list", { all: true })).toEqual([]);
});

test("webhook test, deliveries, redeliver, rotate and enable --since look at deliveries and send them again", async () => {
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(null, { status: 500 }),
  });
  const { webhook_id: id } = await run("webhook register", { url: String(receiver.url), ordered: true });
  const tested = await runRaw(`webhook test ${id}`, {}, {}, "--json");
  expect(tested.code).toBe(1);
  expect(tested.json()).toMatchObject({ delivered: false, status: 500 });
  const { event_id } = await run("publish", { type: "note", payload: "x" });
  expect(await run(`webhook deliveries ${id}`, { limit: "1" })).toMatchObject([{ event_id, webhook_id: id }]);
  expect(await run("webhook deliveries", { state: "delivered" })).toEqual([]);
  expect(await run(`webhook rotate ${id}`, { secret: "fresh" })).toMatchObject({
    success: true,
    secret: "fresh",
  });
  expect(await run(`webhook redeliver ${id}`, { event: String(event_id) })).toMatchObject({ queued: 1 });
  expect(await run(`webhook redeliver ${id}`, { since: String(event_id) })).toMatchObject({ queued: 1 });
  expect(await run(`webhook redeliver ${id}`, { dead: true })).toMatchObject({ queued: 0 });
  await run(`webhook disable ${id}`);
  await run("publish", { type: "note", payload: "meanwhile" });
  expect(await run(`webhook enable ${id}`, { since: String(event_id) })).toMatchObject({ queued: 1 });
  await run(`webhook unregister ${id}`);
  await receiver.stop(true);
});

test("source add, list, test, rotate and rm manage sources", async () => {
  const mapping = { channel: "repo:{a.b}", type: "deployed", level: "actionable", title: "Is {a.b}" };
  const made = await run("source add json", { name: "deploys", secret: "s3cret", ...mapping });
  const { type: event_type, ...chosen } = mapping;
  const kept = { name: "deploys", kind: "json", ...chosen, event_type };
  expect(made).toEqual({
    ...kept,
    path: "/in/deploys",
    secret: "s3cret",
    url: expect.stringMatching(/\/in\/deploys$/),
  });
  const listed = { ...kept, has_secret: true, last_event_id: null, last_arrival: null, refused: 0 };
  expect(await run("source list")).toEqual([{ ...listed, created_at: expect.any(String) }]);
  const tried = await run("source test deploys", { body: '{"a":{"b":"web"}}', event: "deployment" });
  expect(tried).toMatchObject({
    channel: "repo:web",
    event_type,
    title: "Is web",
    signal_level: "actionable",
  });
  expect(await run("source rotate deploys", { secret: "fresh" })).toMatchObject({ secret: "fresh" });
  expect(await run("source rm deploys")).toEqual({ success: true, name: "deploys" });
  expect(await run("source list")).toEqual([]);
});

test("webhook register --url is the target; --url before the command is the bus", async () => {
  const target = "https://example.com/target";
  const { code, json } = await cli(["--url", bus.url, "webhook", "register", "--url", target, "--json"], {
    env: { AGENT_EVENT_BUS_URL: "http://127.0.0.1:1/mcp" },
  });
  expect(code).toBe(0);
  expect(json().url).toBe(target);
  const other = await cli(["sessions", "--url", bus.url], { env: { AGENT_EVENT_BUS_URL: "http://x:1" } });
  expect(other.code).toBe(0);
});

test("mute shows whether notifications are muted, and takes no time from a caller that is not the user", async () => {
  expect(await run("mute")).toEqual({ muted_until: null });
  const { code, stderr } = await runRaw("mute 1h", {});
  expect([code, stderr]).toEqual([1, expect.stringContaining("Only the user may answer.")]);
});

test("open prints no link for a caller that is not the user", async () => {
  const { code, stdout, stderr } = await runRaw("open", { "no-browser": true });
  expect([code, stdout, stderr]).toEqual([1, "", expect.stringContaining("Only the user may answer.")]);
});

test("the tests above used every command and every flag, but those of messages.test.ts", () => {
  const others = everyFlag().filter((one) => !ABOUT_MESSAGES.has(one));
  expect(others.filter((one) => !used.has(one))).toEqual([]);
});
