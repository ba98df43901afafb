import { afterAll, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publish } from "../support/agent.ts";
import { programOf } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, startAtHome } from "../support/home.ts";
import { eventually } from "../support/webhook.ts";

/** A HOME with these lines in settings.env. */
function homeWith(settings: string): string {
  const home = tempFolder();
  mkdirSync(join(home, DATA), { recursive: true });
  writeFileSync(join(home, DATA, "settings.env"), settings, { mode: 0o600 });
  return home;
}

/** `logs` in a HOME. */
const logs = (HOME: string, ...args: string[]) => cli(["logs", ...args], { env: { HOME } });

async function following(HOME: string, ...args: string[]) {
  const child = Bun.spawn([...(await programOf("binary")), "logs", "-f", ...args], {
    env: { PATH: process.env.PATH ?? "", HOME },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  afterAll(() => child.kill("SIGKILL"));
  let text = "";
  const read = async () => {
    for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
  };
  read();
  const shows = (what: string) => eventually(`shown: ${what}`, () => text.includes(what));
  return { child, shows, text: () => text };
}

describe("a bus that runs", async () => {
  const home = tempFolder();
  const log = join(home, DATA, "agent-event-bus.log");
  const bus = await startAtHome(home);
  for (let i = 1; i <= 3; i++) await publish(bus, `payload ${i}`);
  await eventually("the log is written", async () =>
    /publish_event.*\n.*\n.*3/.test(await Bun.file(log).text()),
  );

  test("logs shows the last lines", async () => {
    const { stdout, stderr, code } = await logs(home, "--lines", "2");
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toMatch(/^\S+Z info .*publish_event.*\n\S+Z info .*publish_event.*\n$/);
    expect((await logs(home)).stdout).toContain("listening on");
  });

  test("--json gives the file and its lines in one document", async () => {
    const { file, lines } = (await logs(home, "--json", "--lines", "1")).json();
    expect([file, lines]).toEqual([log, [expect.stringContaining("publish_event")]]);
  });

  test("-f ends when nobody reads any more", async () => {
    const piped = Bun.spawn(
      [
        "sh",
        "-c",
        `exec 3>&1; { timeout 20 "$@"; echo "ended with $?" >&3; } | head -n 1`,
        "sh",
        ...(await programOf("binary")),
        "logs",
        "-f",
        "--lines",
        "1",
      ],
      {
        env: { PATH: process.env.PATH ?? "", HOME: home },
        stdout: "pipe",
      },
    );
    const calls = setInterval(() => void bus.call("list_sessions").catch(() => {}), 50);
    const shown = await new Response(piped.stdout).text();
    clearInterval(calls);
    expect(shown).toMatch(/^[^\n]+\nended with 141\n$/);
  });

  test("-f shows what comes, also from a new log, until Ctrl-C ends it with 0", async () => {
    const { child, shows, text } = await following(home, "--lines", "1");
    await shows("Z info");
    expect(text()).not.toContain("publish_event");
    await publish(bus, "while it is followed");
    await shows("publish_event");
    await bus.stop();
    await startAtHome(home);
    await shows("listening on");
    child.kill("SIGINT");
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
  });

  test("what could move a cursor is shown instead of done", async () => {
    appendFileSync(log, "odd \u001b[31m\u0007\u202e line\n");
    const { stdout } = await logs(home, "--lines", "1");
    expect(stdout).toBe("odd ␛[31m␇\\u202e line\n");
    expect((await logs(home, "--lines", "1", "--json")).stdout).not.toContain("\u001b");
  });
});

test("the log is where settings.env puts it", async () => {
  const folder = tempFolder();
  const home = homeWith(`AGENT_EVENT_BUS_LOG=${folder}/own.log\nPORT=broken\n`);
  writeFileSync(join(folder, "own.log"), "here\n");
  expect((await logs(home)).stdout).toBe("here\n");
});

test("-f waits for a log that is not there yet", async () => {
  const home = homeWith("");
  const { child, shows } = await following(home);
  await shows("Waiting for it");
  writeFileSync(join(home, DATA, "agent-event-bus.log"), "first line\n");
  await shows("first line");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

describe("a sentence when there is nothing to show", () => {
  test("no log yet", async () => {
    const { stdout, stderr, code } = await logs(homeWith(""));
    expect([stdout, code]).toEqual(["", 1]);
    expect(stderr).toMatch(
      /^agent-event-bus: There is no log at \S+agent-event-bus.log yet. The bus creates it/,
    );
  });

  test("the bus is on another machine", async () => {
    const { stderr } = await logs(homeWith("AGENT_EVENT_BUS_URL=http://other:8080/mcp\n"));
    expect(stderr).toContain("This machine uses the bus at http://other:8080/mcp, and the log is there.");
  });

  test("the log is a device", async () => {
    const { stderr, code } = await logs(homeWith("AGENT_EVENT_BUS_LOG=/dev/null\n"));
    expect([stderr, code]).toEqual([expect.stringContaining("/dev/null, which is not a file"), 1]);
  });

  test("-f has no one document", async () => {
    const { stdout, stderr, code } = await logs(homeWith(""), "-f", "--json");
    expect([code, JSON.parse(stdout)]).toEqual([64, expect.objectContaining({ error: expect.any(String) })]);
    expect(stderr).toContain("logs -f follows the log");
  });
});
