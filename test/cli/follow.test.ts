import { afterAll, expect, test } from "bun:test";
import { join, publish } from "../support/agent.ts";
import { type ProcessBus, programOf, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { eventually } from "../support/webhook.ts";

interface Followed {
  out(): string;
  err(): string;
  /** Ends it with the signal; its exit code, or the signal's name. */
  end(signal: "SIGINT" | "SIGTERM"): Promise<number | string | null>;
}

/** `events --follow` as a process whose output is read as it comes. */
async function follow(bus: ProcessBus, ...flags: string[]): Promise<Followed> {
  const child = Bun.spawn([...(await programOf("binary")), "events", "--follow", ...flags], {
    env: { PATH: process.env.PATH ?? "", HOME: bus.folder, AGENT_EVENT_BUS_URL: bus.url },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  afterAll(() => child.kill("SIGKILL"));
  const [out, err] = [collected(child.stdout), collected(child.stderr)];
  return {
    out,
    err,
    async end(signal) {
      child.kill(signal);
      await child.exited;
      return child.signalCode ?? child.exitCode;
    },
  };
}

function collected(stream: ReadableStream<Uint8Array>): () => string {
  let text = "";
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  };
  read();
  return () => text;
}

const payloadsIn = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).payload);

const shows = (what: string, text: () => string) =>
  eventually(`shown: ${what}`, () => text().includes(what), 20_000);

test("--follow shows what is there, oldest first, then what comes, for people", async () => {
  const bus = await startBus("binary");
  for (const payload of ["one", "two"]) await publish(bus, payload);
  const followed = await follow(bus);
  await shows("two", followed.out);
  await publish(bus, "th\u001b[31mree");
  await shows("ree", followed.out);
  const out = followed.out();
  expect(
    ["one", "two", "ree"]
      .map((text) => out.indexOf(text))
      .every((at, i, all) => i === 0 || at > (all[i - 1] ?? 0)),
  ).toBe(true);
  expect(out).not.toContain("\u001b");
  expect(out).not.toContain("No events.");
  expect(["130", "SIGINT"]).toContain(String(await followed.end("SIGINT")));
  expect(followed.err()).toBe("");
});

test("--follow --json prints one event a line, each once and whole, also many at once", async () => {
  const bus = await startBus("binary");
  const followed = await follow(bus, "--json");
  await publish(bus, "first");
  await shows("first", followed.out);
  const sent = Array.from({ length: 300 }, (_, i) => `${i}: \n\u001b "quoted"`);
  await Promise.all(sent.map((payload) => publish(bus, payload)));
  await eventually("all are shown", () => followed.out().split("\n").length === sent.length + 2, 20_000);
  expect(followed.out()).not.toContain("\u001b");
  expect(payloadsIn(followed.out()).sort()).toEqual(["first", ...sent].sort());
  const ids = followed
    .out()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(["143", "SIGTERM"]).toContain(String(await followed.end("SIGTERM")));
});

test("--follow goes on after a restart of the bus, and misses and repeats nothing", async () => {
  const bus = await startBus("binary");
  const followed = await follow(bus, "--json");
  await publish(bus, "before");
  await shows("before", followed.out);
  await bus.kill();
  await shows("Trying again.", followed.err);
  const again = await startBus("binary", { folder: bus.folder, port: bus.port });
  await publish(again, "after");
  await shows("after", followed.out);
  expect(payloadsIn(followed.out())).toEqual(["before", "after"]);
  expect(followed.err()).toContain("The bus is back.");
  expect(await again.stop()).toBe(0);
  await eventually("it tries again", () => followed.err().split("Trying again.").length === 3, 20_000);
  await followed.end("SIGINT");
});

test("--follow takes the filters of events, and leaves out what --exclude names", async () => {
  const bus = await startBus("binary");
  const followed = await follow(
    bus,
    "--json",
    "--min-level",
    "actionable",
    "--exclude",
    "blocker_found",
    "--channel",
    "repo:r",
  );
  for (const event_type of ["note", "blocker_found", "help_needed"])
    await publish(bus, event_type, { event_type, channel: "repo:r" });
  await publish(bus, "elsewhere", { event_type: "help_needed" });
  await publish(bus, "last", { event_type: "ci_failed", channel: "repo:r" });
  await shows("last", followed.out);
  expect(payloadsIn(followed.out())).toEqual(["help_needed", "last"]);
  await followed.end("SIGINT");
});

test("--follow --resume begins at the session's cursor and moves it; direct messages shown are seen", async () => {
  const bus = await startBus("binary");
  const { session_id } = await join(bus);
  const id = await publish(bus, "unread", { channel: `session:${session_id}` });
  const followed = await follow(bus, "--json", "--resume", "--session-id", session_id);
  await shows("unread", followed.out);
  const next = await publish(bus, "next", { channel: `session:${session_id}` });
  await shows("next", followed.out);
  expect(payloadsIn(followed.out())).toEqual(["unread", "next"]);
  for (const event_id of [id, next])
    expect((await bus.call("get_delivery", { event_id, wait_seconds: 10 })).deliveries[0].state).toBe("seen");
  await followed.end("SIGINT");
});

test("--follow of a bus that was never there, or of a session that is none, fails at once", async () => {
  const away = await cli(["events", "--follow"], { bus: { url: "http://127.0.0.1:1/mcp" } });
  expect([away.code, away.stdout]).toEqual([3, ""]);
  const bus = await startBus("binary");
  const none = await cli(["events", "--follow", "--resume", "--session-id", "none"], { bus });
  expect([none.code, none.stdout]).toEqual([1, ""]);
});

test("--follow ends when nobody reads any more", async () => {
  const bus = await startBus("binary");
  const words = [...(await programOf("binary")), "events", "--follow", "--json"];
  const piped = Bun.spawn(
    ["sh", "-c", 'exec 3>&1; { timeout 20 "$@"; echo "ended with $?" >&3; } | head -n 1', "sh", ...words],
    {
      env: { PATH: process.env.PATH ?? "", HOME: bus.folder, AGENT_EVENT_BUS_URL: bus.url },
      stdout: "pipe",
    },
  );
  const events = setInterval(() => void publish(bus).catch(() => {}), 50);
  const shown = await new Response(piped.stdout).text();
  clearInterval(events);
  expect(shown).toMatch(/^\{.*\}\nended with 141\n$/);
});
