import { describe, expect, test } from "bun:test";
import { join, newest, publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { startClient } from "../support/client.ts";

/** A bus with sessions here and gone, a claim, and channels in use. */
async function peopled() {
  const bus = await startHere();
  const web = await join(bus, { name: "payments", repo: "webshop", machine: "laptop" });
  const gone = await startClient(bus, { name: "migration", repo: "database" });
  await gone.kill();
  const left = await join(bus, { name: "leftover", repo: "archive" });
  await bus.call("unregister_session", { session_id: left.session_id });
  await join(bus, { name: "oncall", claim: true });
  for (const channel of ["deploys", "team:backend", "build:4711", "all-hands"])
    await publish(bus, "p", { channel });
  const send = (channel: string) => bus.call("publish_event", { event_type: "n", payload: "p", channel });
  return { bus, web, send };
}

const { bus, web, send } = await peopled();

describe("a channel that was probably meant otherwise is stored, with a warning that names the other", () => {
  const NEAR: readonly [written: string, meant: string][] = [
    ["payments", "session:payments"],
    ["PAYMENTS", "session:payments"],
    ["Session:payments", "session:payments"],
    ["sesion:payments", "session:payments"],
    ["migration", "session:migration"],
    ["webshop", "repo:webshop"],
    ["archive", "repo:archive"],
    ["repo:Webshop", "repo:webshop"],
    ["repo:webshpo", "repo:webshop"],
    ["repo:web-shop", "repo:webshop"],
    ["repo:databse", "repo:database"],
    ["repo:payments", "session:payments"],
    ["repos:webshop", "repo:webshop"],
    ["laptop", "machine:laptop"],
    ["machine:latpop", "machine:laptop"],
    ["Deploys", "deploys"],
    ["deploy", "deploys"],
    ["team:backed", "team:backend"],
    ["ALL", "all"],
    ["session:paymets", "session:payments"],
    ["session:webshop", "repo:webshop"],
  ];
  test.each(NEAR)("%s: %s", async (written, meant) => {
    const { bus, send } = await peopled();
    const sent = await send(written);
    expect(sent.channel).toBe(written);
    expect((await newest(bus)).channel).toBe(written);
    expect(sent.warning).toContain(`Did you mean ${meant}?`);
  });
});

test("a display id without its kind is meant for its session", async () => {
  expect((await send(web.display_id)).warning).toContain(`Did you mean session:${web.display_id}?`);
});

test("a mistake that was made before is not proposed, unless nothing else is near", async () => {
  await send("repo:webshpo");
  expect((await send("repo:wbshop")).warning).toEndWith("Did you mean repo:webshop?");
  await send("kitchen");
  expect((await send("Kitchen")).warning).toEndWith("Did you mean kitchen?");
});

test.each(["session", "repo", "machine", "session:", "repo:", "machine:"])(
  "%s needs a name",
  async (written) => {
    for (let i = 0; i < 2; i++) {
      const sent = await send(written);
      expect([sent.channel, sent.warning]).toEqual([
        written,
        `The channel "${written}" needs a name. Write ${written.replace(":", "")}:{name}.`,
      ]);
    }
  },
);

test("a repository that was never here warns once: from then on the channel is in use", async () => {
  const first = await send("repo:never-seen-before");
  expect(first.warning).toBe(
    'The bus knows no session of the repository "never-seen-before". The event is stored.',
  );
  expect((await send("repo:never-seen-before")).warning).toBeUndefined();
});

test.each([
  ...[
    "all",
    "",
    "repo:webshop",
    "repo:database",
    "repo:archive",
    "machine:laptop",
    "deploys",
    "team:backend",
  ],
  ...["@nobody-yet", "@oncall", "@human", "session:payments", `session:${web.session_id}`],
  // Nothing known is near.
  ...["room", "a:b:c", "Session:x", ":", "%", "machine:elsewhere", "team:frontend", "x".repeat(200)],
  // Numbers differ on purpose, and short names have no typos.
  ...["build:4712", "build:471", "pr", "al"],
])("%p does not warn of another channel", async (written) => {
  const { warning = "" } = await send(written);
  expect(warning).not.toContain("Did you mean");
  if (!written.startsWith("@")) expect(warning).toBe("");
});

test("at most three are proposed, the nearest first", async () => {
  for (const name of ["release-a", "release-b", "release-c", "release-d"]) await join(bus, { name });
  const { warning } = await send("session:release-");
  expect(warning).toMatch(/ Did you mean session:release-. or session:release-. or session:release-.\?/);
});

test("ask and set_attention name the session that was probably meant", async () => {
  const asked = await bus.call("ask", { to: "paymets", payload: "?", wait_seconds: 0 });
  expect(asked.error).toContain("Did you mean session:payments?");
});

describe("a webhook's filter", async () => {
  const { bus, web } = await peopled();
  const register = async (channel: string | undefined) =>
    (await bus.call("register_webhook", { url: "http://127.0.0.1:9/", channel })).warning;

  test.each([
    ["repo", /Write repo: for all of that kind, or repo:\{name\} for one\./],
    ["session", /Write session: for all of that kind/],
    ["webshop", /Did you mean repo:webshop\?/],
    ["repo:websop", /repository "websop"\. .* Did you mean repo:webshop\?/],
    ["repo:no-such-repository", /^The bus knows no session of the repository "no-such-repository"\./],
    ["Team:backend", /Did you mean team:backend\?/],
    ["session:payments", new RegExp(`matches no event\\. Write session:${web.session_id}\\.`)],
    ["@oncall", /matches no event\. Write session:client-\d+-\d+\./],
    ["@nobody", /matches no event\. Write session:\{session_id\}\./],
    ["@human", /matches no event\. Write session:human\./],
  ])("%s warns", async (channel, warning) => {
    expect(await register(channel)).toMatch(warning);
  });

  test.each([
    ...[undefined, "", "all", "repo:", "session:", "machine:", "repo:webshop", "repo:web", "team:", "dep"],
    ...[`session:${web.session_id}`, "session:human", "some-new-room"],
  ])("%p does not warn", async (channel) => {
    expect(await register(channel)).toBeUndefined();
  });

  test("the command shows the warning on stderr, neutralised, and is done", async () => {
    const args = ["webhook", "add", "http://127.0.0.1:9/", "--channel", "Team:backend"];
    const { code, stdout, stderr } = await cli(args, { bus });
    expect([code, stdout]).toEqual([0, expect.stringContaining("webhook_id")]);
    expect(stderr).toContain("Did you mean team:backend?");
  });
});
