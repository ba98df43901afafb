import { describe, expect, test } from "bun:test";
import { fresh, join, publish, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { callTool } from "../support/rpc.ts";

/** What stands in an event, and what finds it. Each text is data, whatever a search language would make of it. */
const TEXTS: [what: string, payload: string, text: string][] = [
  ["a quote", 'say "hello" now', '"hello"'],
  ["one quote", 'an inch: 5"', '5"'],
  ["apostrophes", "it's 'here'", "'here'"],
  ["operators", "this AND that OR NOT those", "AND that OR NOT"],
  ["NEAR", "NEAR(a b, 5)", "NEAR(a b, 5)"],
  ["a star", "glob src/**/*.ts", "**/*.ts"],
  ["a column filter", "{payload} : x", "payload} : x"],
  ["a caret and minus", "^start -not +plus", "^start -not"],
  ["NUL", "before\u0000after", "re\u0000af"],
  ["emoji", "go 🦖🎉🦖 go", "🦖🎉🦖"],
  ["many emoji", `a${"🦖".repeat(150)}b`, `a${"🦖".repeat(150)}B`],
  ["one emoji of several points", "family 👨‍👩‍👧 here", "👨‍👩‍👧"],
  ["combining marks", "cafe\u0301 au lait", "fe\u0301 a"],
  ["a mark alone in front", "cafe\u0301 au lait", "\u0301 a"],
  ["letters without case", "日本語の文", "本語の"],
  ["another alphabet in any case", "ΟΔΟΣ ΑΘΗΝΑΣ", "οδος αθ"],
  ["a Turkish letter", "İSTANBUL", "stanbul"],
  ["a backslash", "C:\\temp\\new", "\\temp\\"],
  ["percent and underscore", "100%_done", "0%_d"],
  ["spaces", "a   b", "   "],
  ["a line break", "one\ntwo", "e\nt"],
  ["SQL", "x'); DROP TABLE events_text;--", "'); DROP TABLE"],
  ["a megabyte", `${"long ".repeat(200_000)}tail`, `${"long ".repeat(200_000)}TAIL`],
  ["the end of a megabyte", `${"wide ".repeat(200_000)}rear`, "wide rear"],
];

/** The read filters of get_events. */
export function searching(target: () => TestBus): void {
  const ids = async (args: Record<string, unknown>): Promise<number[]> =>
    (await target().call("get_events", args)).events.map(({ id }: { id: number }) => id);

  describe("a text", () => {
    test.each(TEXTS)("%s", async (_, payload, text) => {
      const id = await publish(target(), payload);
      expect(await ids({ text, limit: 1 })).toEqual([id]);
    });

    test("that nobody wrote is found nowhere, and the answer tells where it got to", async () => {
      const id = await publish(target(), "last one");
      const answer = await target().call("get_events", { text: fresh("nowhere") });
      expect(answer).toEqual({ events: [], next_cursor: String(id), has_more: false });
    });

    test("is found in titles, newest first, and pages go on before the last one", async () => {
      const word = fresh("paged");
      const made = [];
      for (let i = 0; i < 5; i++) made.push(await publish(target(), "x", { title: `a ${word} b` }));
      const first = await target().call("get_events", { text: word.toUpperCase(), limit: 3 });
      expect(first.events.map(({ id }: { id: number }) => id)).toEqual([made[4], made[3], made[2]]);
      expect(first).toMatchObject({ has_more: true, next_cursor: String(made[4]) });
      expect(await ids({ text: word, limit: 3, before: String(made[2]) })).toEqual([
        made[1],
        made[0],
      ] as number[]);
      expect(await ids({ text: word, order: "asc", cursor: String(made[2]) })).toEqual([
        made[3],
        made[4],
      ] as number[]);
    });

    test("goes with every other filter", async () => {
      const word = fresh("both");
      await publish(target(), word);
      const id = await publish(target(), word, { channel: "repo:both", event_type: "help_needed" });
      for (const filter of [
        { channel: "repo:both" },
        { event_types: ["help_needed"] },
        { min_level: "actionable" },
      ])
        expect(await ids({ text: word, ...filter })).toEqual([id]);
    });

    test("is waited for", async () => {
      const word = fresh("awaited");
      const cursor = String(await publish(target(), "before"));
      const waiting = target().call("get_events", { text: word, cursor, order: "asc", wait_seconds: 60 });
      await publish(target(), "something else");
      const id = await publish(target(), `here is ${word.toUpperCase()}`);
      expect((await waiting).events).toMatchObject([{ id }]);
    });
  });

  test.each(["from", "to"])("an event %s somebody is waited for", async (filter) => {
    const { session_id } = await join(target());
    const cursor = String(await publish(target(), "before"));
    const args = { [filter]: session_id, cursor, order: "asc", wait_seconds: 60 };
    const waiting = target().call("get_events", args);
    await publish(target(), "something else");
    const id = await publish(target(), "awaited", { session_id, channel: `session:${session_id}` });
    expect((await waiting).events).toMatchObject([{ id }]);
  });

  test.each(["text", "since", "before", "from", "to"])("%s moves no saved cursor", async (name) => {
    const { session_id } = await join(target());
    const saved = await savedCursor(target(), session_id);
    const id = await publish(target(), "moved", { channel: `session:${session_id}` });
    const value = {
      text: "moved",
      since: "2020-01-01T00:00:00Z",
      before: String(id + 1),
      from: "anonymous",
      to: session_id,
    };
    const args = { session_id, resume: true, [name]: value[name as keyof typeof value] };
    expect(await ids(args)).toContain(id);
    expect(await savedCursor(target(), session_id)).toBe(saved);
  });

  test("since leaves out what was published before", async () => {
    await publish(target(), "old");
    await Bun.sleep(5);
    const since = new Date().toISOString();
    await Bun.sleep(5);
    const id = await publish(target(), "new");
    expect(await ids({ since })).toEqual([id]);
    expect(await ids({ since, order: "asc", cursor: "0" })).toEqual([id]);
    expect(await ids({ since: new Date(Date.now() + 60_000).toISOString() })).toEqual([]);
    expect(await ids({ since: since.replace("Z", "+00:00"), cursor: String(id) })).toEqual([]);
    for (const wrong of ["yesterday", "2026-11-01", "2026-13-01T00:00:00Z", "1h"])
      expect(await target().call("get_events", { since: wrong })).toEqual({
        error: `"${wrong}" is not a time.`,
        hint: expect.stringContaining("2026-11-01T10:00:00Z"),
      });
  });

  test("from finds a sender by each of its names, and after it has gone", async () => {
    const name = fresh("sender");
    const { session_id, display_id } = await join(target(), { name, claim: true, client_id: fresh("c") });
    const id = await publish(target(), "mine", { session_id });
    await publish(target(), "another's");
    const names = [name, display_id, session_id, `session:${session_id}`];
    for (const from of names) expect(await ids({ from, limit: 1 })).toEqual([id]);
    await target().call("unregister_session", { session_id });
    for (const from of names) expect((await ids({ from, event_types: ["note"] }))[0]).toBe(id);
  });

  test("from finds who never registered, nobody in particular, and refuses who is not known", async () => {
    const stranger = fresh("stranger");
    const [strange, nobody] = [
      await publish(target(), "x", { session_id: stranger }),
      await publish(target(), "y"),
    ];
    expect(await ids({ from: stranger })).toEqual([strange]);
    expect(await ids({ from: "anonymous", limit: 1 })).toEqual([nobody]);
    for (const args of [{ from: "nobody-here" }, { to: "nobody-here" }, { from: "@nobody-here" }])
      expect(await target().call("get_events", args)).toEqual({
        error: `No session called "${Object.values(args)[0]}" is known here.`,
        hint: expect.stringContaining("list_sessions"),
      });
  });

  test("to finds a recipient by each of its names, and a channel", async () => {
    const name = fresh("recipient");
    const { session_id, display_id } = await join(target(), { name });
    const id = await publish(target(), "for you", { channel: `session:${session_id}` });
    for (const to of [name, display_id, session_id, `session:${name}`])
      expect(await ids({ to })).toEqual([id]);
    const repo = await publish(target(), "x", { channel: `repo:${name}` });
    const own = await publish(target(), "x", { channel: `plain-${name}` });
    const all = await publish(target(), "x");
    expect(await ids({ to: `repo:${name}` })).toEqual([repo]);
    expect(await ids({ to: `plain-${name}` })).toEqual([own]);
    expect(await ids({ to: "all", limit: 1 })).toEqual([all]);
    const human = await publish(target(), "x", { channel: "@human" });
    for (const to of ["human", "@human", "session:human"])
      expect(await ids({ to, limit: 1 })).toEqual([human]);
    const later = await publish(target(), "x", { channel: `session:@later-${name}` });
    expect(await ids({ to: `@later-${name}` })).toEqual([later]);
  });

  test("names tells the names of senders and recipients", async () => {
    const [a, b] = [await join(target(), { name: fresh("a") }), await join(target(), { name: fresh("b") })];
    await publish(target(), "x", { session_id: a.session_id, channel: `session:${b.session_id}` });
    await publish(target(), "x", { session_id: "__proto__" });
    const { names } = await target().call("get_events", { names: true, limit: 2 });
    expect(names).toEqual({ [a.session_id]: a.name, [b.session_id]: b.name });
    expect(await target().call("get_events", { limit: 1 })).not.toHaveProperty("names");
  });

  test("wrong kinds of values are refused by name, and empty ones count as absent", async () => {
    for (const [name, value] of [
      ["text", 5],
      ["since", {}],
      ["from", []],
      ["to", true],
      ["names", "yes"],
    ] as const) {
      const { isError, content } = await callTool(target().url, "get_events", { [name]: value });
      expect({ isError, text: content[0].text }).toMatchObject({
        isError: true,
        text: expect.stringContaining(name),
      });
    }
    const id = await publish(target(), "any");
    expect(await ids({ text: "", since: "", from: "", to: "", before: "", limit: 1 })).toEqual([id]);
  });
}
