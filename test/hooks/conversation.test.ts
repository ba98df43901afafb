import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIn } from "../../src/hooks/conversation.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { eventsIn, newClient, startClient } from "../support/hooks.ts";

const HANDED =
  "<agent-event-bus>\nAn event from another agent session.\n#17 (direct message from web, note)\n  x";

function conversation(...lines: object[]): string {
  const file = join(tempFolder(), "conversation.jsonl");
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return file;
}

const ANSWER = { type: "assistant", message: { role: "assistant", content: "done" } };

test.each<[what: string, lines: object[], shown: number[]]>([
  ["a prompt of the mod", [{ type: "user", message: { role: "user", content: HANDED } }], [17]],
  ["what a hook adds", [{ type: "attachment", attachment: { content: [HANDED] } }], [17]],
  [
    "what a hook prints",
    [{ type: "attachment", attachment: { stdout: JSON.stringify({ text: HANDED }) } }],
    [17],
  ],
  ["what was queued", [{ type: "queue-operation", operation: "enqueue", content: HANDED }], []],
  ["a payload that looks like it", [{ type: "user", message: { content: "\n#1 (x)\n  #17 (direct" } }], []],
  ["another event", [{ type: "user", message: { content: HANDED.replace("#17", "#170") } }], []],
  ["nothing", [], []],
])("an event that stands in the conversation was read once the model has answered: %s", (_, lines, read) => {
  expect(readIn(conversation(...lines, ANSWER), [17])).toEqual(new Set(read));
  expect(readIn(conversation(ANSWER, ...lines), [17])).toEqual(new Set());
  expect(readIn(conversation(...lines), [17])).toBeNull();
});

test("a file that cannot be read tells nothing, and of a long one the end is looked at", () => {
  expect(readIn("/does/not/exist", [17])).toBeNull();
  const long = { type: "user", message: { content: "x".repeat(5 * 1024 * 1024) } };
  expect(readIn(conversation(long, { type: "user", message: { content: HANDED } }, ANSWER), [17])).toEqual(
    new Set([17]),
  );
  expect(readIn(conversation({ type: "user", message: { content: HANDED } }, long, ANSWER), [17])).toEqual(
    new Set(),
  );
});

test("what a killed client had not written comes again, though its model had read it", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const send = async (payload: string) =>
    (await bus.call("publish_event", { event_type: "note", payload, channel: `session:${client.id}` }))
      .event_id;
  const [written, lost] = [await send("written"), await send("lost")];
  const text = await client.read("prompt");
  expect(eventsIn(text).map(({ id }) => id)).toEqual([written, lost]);
  await client.read("stop");
  const file = conversation(
    { type: "attachment", attachment: { content: [text.split(`\n#${lost}`)[0]] } },
    ANSWER,
  );
  await client.kill();
  // Nothing is lost without a file that tells.
  for (const transcript_path of [undefined, conversation()]) {
    const other = newClient(bus, { id: client.id, cwd: client.cwd });
    expect(await other.read("session-start", { with: { transcript_path } })).not.toContain("Unread");
    await other.kill();
  }
  const again = newClient(bus, { id: client.id, cwd: client.cwd });
  const briefing = await again.read("session-start", { with: { transcript_path: file } });
  expect(briefing).toContain("Unread: 1, including 1 direct");
  expect(eventsIn(await again.read("prompt"))).toEqual([{ id: lost, repeat: true }]);
});

test("a client that comes back is not given again what its model has answered", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const send = async (payload: string) =>
    (await bus.call("publish_event", { event_type: "note", payload, channel: `session:${client.id}` }))
      .event_id;
  const [read, lost] = [await send("read"), await send("lost")];
  const text = await client.read("prompt");
  expect(eventsIn(text).map(({ id }) => id)).toEqual([read, lost]);
  const kept = text.slice(0, text.indexOf(`\n#${lost}`));
  await client.kill();
  const again = newClient(bus, { id: client.id, cwd: client.cwd });
  const file = conversation({ type: "attachment", attachment: { content: [kept] } }, ANSWER);
  const briefing = await again.read("session-start", { with: { transcript_path: file } });
  expect(briefing).toContain("Unread: 1, including 1 direct");
  expect(eventsIn(await again.read("prompt"))).toEqual([{ id: lost, repeat: true }]);
});
