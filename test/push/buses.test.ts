// Two compiled buses on one PostgreSQL push to the same phone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { fresh, publish } from "../support/agent.ts";
import type { ProcessBus } from "../support/bus.ts";
import { questionInput } from "../support/dialogs.ts";
import { removeFolders } from "../support/folder.ts";
import { type NtfyServer, ntfyServer, type Pushed } from "../support/ntfy.ts";
import { noPostgres, selectedBy } from "../support/postgres.ts";
import { type SeveralBuses, startBuses } from "../support/several_buses.ts";
import { eventually } from "../support/webhook.ts";

/** Time for what must not be pushed twice. */
const SETTLE_MS = 1_500;

let all: SeveralBuses;
let ntfy: NtfyServer;

beforeAll(async () => {
  if (noPostgres !== null) return;
  ntfy = ntfyServer();
  all = await startBuses(2, { AGENT_EVENT_BUS_PUSH: ntfy.topic("mine") });
});

afterAll(async () => {
  await all?.end();
  ntfy?.stop();
  removeFolders();
});

/** How often each push was sent, by its message. */
const counts = (fits: (push: Pushed) => boolean) =>
  [...Map.groupBy(ntfy.got.filter(fits), ({ message }) => message)].map(([, pushes]) => pushes.length);

const isOf = (text: string) => (push: Pushed) => push.message.includes(text);
/** The priorities of all pushes of one name, in their order. */
const prioritiesOf = ({ sequence_id: name }: Pushed) =>
  ntfy.got.filter(({ sequence_id }) => sequence_id === name).map(({ priority }) => priority);
const ASKED = 4;
const MAIL = 3;
const ENDED = 1;

/** A dialog of a session, which its hook holds at a bus. */
async function stand(at: ProcessBus, text: string) {
  const client = { client_id: fresh("client") };
  await at.call("start_session", { ...client, name: text, cwd: "/a", repo: "a" });
  const dialog = {
    ...{ ...client, key: fresh("key"), cwd: "/a", branch: "main", kind: "question", text },
    ...{ tool: "AskUserQuestion", input: questionInput(undefined, text) },
  };
  const held = { open_ms: 10_000, certain: true, answerable: true, wait_seconds: 60 };
  at.call("report_dialog", { ...dialog, ...held }).catch(() => {});
  const pushed = await ntfy.until(isOf(text));
  return {
    pushed,
    gone: (there: ProcessBus) => there.call("report_dialog", { ...dialog, ...held, gone: true }),
  };
}

describe.skipIf(noPostgres !== null)("two buses with one phone", () => {
  test("push a message once each, whichever of them takes it", async () => {
    for (let i = 0; i < 6; i++)
      await publish(all.buses[i % 2] as ProcessBus, "stuck", {
        event_type: "blocker_found",
        session_id: "ci",
      });
    const texts = Array.from({ length: 12 }, () => fresh("mail"));
    for (const [i, text] of texts.entries())
      await publish(all.buses[i % 2] as ProcessBus, text, {
        channel: "session:human",
        session_id: fresh("who"),
      });
    const isMail = ({ message }: Pushed) => texts.includes(message);
    await eventually("all are pushed", () => counts(isMail).length === texts.length);
    await Bun.sleep(SETTLE_MS);
    expect(counts(isMail)).toEqual(texts.map(() => 1));
  });

  test("push a dialog once and its end once, at whichever of them it ends", async () => {
    const text = fresh("Which colour?");
    const { pushed, gone } = await stand(all.buses[0] as ProcessBus, text);
    await Bun.sleep(SETTLE_MS);
    expect(prioritiesOf(pushed)).toEqual([ASKED]);
    await gone(all.buses[1] as ProcessBus);
    await eventually("its end is told", () => prioritiesOf(pushed).length > 1);
    await Bun.sleep(SETTLE_MS);
    expect(prioritiesOf(pushed)).toEqual([ASKED, ENDED]);
  });

  test("push one digest of what can wait", async () => {
    const isDigest = ({ title }: Pushed) => title.includes("other events since");
    const digest = await ntfy.until(isDigest, 60_000);
    await Bun.sleep(SETTLE_MS);
    expect(ntfy.got.filter(isDigest)).toEqual([digest]);
    expect(digest).toMatchObject({
      title: expect.stringMatching(/^6 /),
      message: "6 blocker_found from anonymous",
    });
  }, 90_000);

  test("once the bus that pushed is killed, another one tells the end, and goes on", async () => {
    const text = fresh("Ship it?");
    const asked = { event_type: "question", channel: "session:human", correlation_id: fresh("q") };
    const [first, second] = all.buses as [ProcessBus, ProcessBus];
    const id = await publish(first, text, { ...asked, session_id: fresh("who") });
    const pushed = await ntfy.until(isOf(text));
    const sql = "SELECT port FROM holds JOIN buses ON buses.id = value WHERE key LIKE ?";
    const [by] = selectedBy(all.url, sql, [`push ${pushed.sequence_id} %`]) as { port: number }[];
    const [dead, left] = by?.port === first.port ? [first, second] : [second, first];
    await dead.kill();
    const isGone = () => selectedBy(all.url, "SELECT id FROM buses WHERE until > now()", []).length === 1;
    await eventually("the other counts as gone", isGone);
    await left.call("reply", { event_id: id, payload: "yes", session_id: fresh("who") });
    await eventually("its end is told", () => prioritiesOf(pushed).length > 1);
    const next = fresh("next");
    await publish(left, next, { channel: "session:human", session_id: fresh("who") });
    await ntfy.until(isOf(next));
    expect(prioritiesOf(pushed)).toEqual([MAIL, ENDED]);
  });
});
