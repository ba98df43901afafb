// The person's day, from installing to uninstalling, with real clients. Prints what the person sees.
import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makePatient } from "../claude-code/client.ts";
import { atTerminal, newClient, testAtTerminal } from "../claude-code/converse.ts";
import { heard, PATIENCE_MS, type Place } from "../claude-code/desk.ts";
import { startTalker } from "../claude-code/talker.ts";
import { Terminal, Tmux } from "../claude-code/terminal.ts";
import { closeBrowsers, hasBrowser, type OpenPage, signedIn, startBrowser } from "../page/real_page.ts";
import { noPrevious, previous } from "../skew/previous.ts";
import { fresh } from "../support/agent.ts";
import { addSource, github, send, workflowRun } from "../support/arrivals.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { newcomer } from "../support/newcomer.ts";
import { eventually } from "../support/webhook.ts";
import { show, typed } from "./screens.ts";

const TIMEOUT_MS = 180_000;
const STORM = 500;
const OWN_SETTINGS = '{ "includeCoAuthoredBy": false }\n';

const tmux = new Tmux();
const here = newcomer(tempFolder(true));
let bus: ProcessBus;
let api: Place;
let web: Place;
/** The bus's page, which is open from the upgrade on. Undefined without a browser. */
let page: OpenPage | undefined;

beforeAll(() => {
  here.put(".claude/settings.json", OWN_SETTINGS);
  // A client asks of a repository whether it is trusted, and its session is called as its branch.
  const folder = join(here.home, "web");
  Bun.spawnSync(["git", "init", "--quiet", "--initial-branch", "web", folder]);
  here.put(".claude.json", JSON.stringify({ projects: { [folder]: { hasTrustDialogAccepted: true } } }));
});

afterAll(async () => {
  if (!atTerminal) return;
  await closeBrowsers();
  tmux.end();
  for (const place of [api, web]) place?.model.stop();
  await bus?.kill();
  removeFolders();
});

const pathWith = () => ({ HOME: here.home, PATH: `${dirname(newClient().file)}:/usr/bin:/bin` });
const command = (...args: string[]) => typed(args, { bus, env: pathWith() });

/** Runs the bus of one executable on the day's database and port. */
async function serve(program: string): Promise<void> {
  const same = bus === undefined ? { folder: here.home } : { folder: here.home, port: bus.port };
  await bus?.kill();
  bus = await startBus("binary", { ...same, outlives: true, program: [program] });
}

async function install(program: string, ...flags: string[]): Promise<void> {
  const args = ["install", "client", "--url", bus.url, ...flags];
  const { code, stdout, stderr } = await cli(args, { program: [program], env: pathWith(), cwd: here.home });
  show("$ agent-event-bus install client", stdout + stderr);
  expect(code).toBe(0);
  makePatient(here.home);
}

/** A person opens Claude Code in a folder of that name. */
async function open(name: string): Promise<Place> {
  const model = startTalker();
  const client = newClient(model.url, here.home);
  return { name, client, model, terminal: await Terminal.open(tmux, name, client, [], 80) };
}

const sessionOf = async (name: string) =>
  (await bus.call("list_sessions")).result.find((one: { name: string }) => one.name === name);

async function idle(...names: string[]): Promise<void> {
  const reached = async () => {
    for (const name of names) if ((await sessionOf(name))?.reach !== "wakes") return false;
    return true;
  };
  await eventually(`${names.join(" and ")} idle`, reached, PATIENCE_MS);
}

testAtTerminal(
  "the release before is installed; two sessions start and are reached",
  async () => {
    const program = noPrevious === null ? await previous() : binary;
    await serve(program);
    await install(program);
    [api, web] = [await open("api"), await open("web")];
    for (const place of [api, web]) await place.terminal.say("good morning");
    for (const place of [api, web]) await heard(place, "good morning");
    const reached = async () => (await bus.call("list_sessions")).result.length === 2;
    await eventually("both are on the bus", reached, PATIENCE_MS);
    show("web, after its first prompt", web.terminal.screen());
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "the upgrade: running sessions go on, and a message from before it and one from after it arrive once",
  async () => {
    const [before, after] = [fresh("written before the upgrade"), fresh("written after the upgrade")];
    await bus.call("publish_event", { event_type: "note", payload: before, channel: "session:web" });
    await heard(web, before);
    await serve(binary);
    await install(binary);
    await command("sessions");
    await eventually("web is reached", async () => (await sessionOf("web"))?.reach === "wakes", PATIENCE_MS);
    await bus.call("publish_event", { event_type: "note", payload: after, channel: "session:web" });
    await heard(web, after);
    for (const text of [before, after]) expect(web.model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "both sessions end, install puts the plugin in, and its mod carries the next ones",
  async () => {
    const models = [api.model, web.model];
    for (const { terminal } of [api, web]) await terminal.say("/exit");
    await eventually("both are gone", () => !tmux.has("api") && !tmux.has("web"), PATIENCE_MS);
    await install(binary);
    [api, web] = [await open("api"), await open("web")];
    for (const place of [api, web]) await place.terminal.say("here again");
    for (const place of [api, web]) await heard(place, "here again");
    await idle("api", "web");
    for (const name of ["api", "web"]) expect(await sessionOf(name)).toMatchObject({ rung: "mod" });
    await command("doctor");
    for (const model of models) model.stop();
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "the page is opened, and shows who is here",
  async () => {
    if (!hasBrowser) return;
    page = await signedIn(await startBrowser(), bus);
    for (const shown of ["api", "web", "2 sessions on 1 machine"]) await page.shows(shown);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "one session asks the other, which wakes by itself and answers",
  async () => {
    await api.terminal.say("news?");
    await heard(api, "news?");
    await idle("api", "web");
    const [question, answer] = [fresh("do the tokens expire?"), fresh("after an hour")];
    api.model.use("mcp__agent-event-bus__ask", { to: "web", payload: question, wait_seconds: 60 });
    web.model.use("mcp__agent-event-bus__reply", ({ news }) => {
      const [, id] = /reply\(event_id=(\d+)\)/.exec(news) ?? [];
      return { event_id: Number(id), payload: answer };
    });
    await api.terminal.say("ask web whether the tokens expire");
    await heard(web, question);
    const { news } = await heard(api, answer);
    expect(news).toContain("tool_result");
    await idle("api", "web");
    for (const text of [question, answer]) await page?.shows(text);
    show("web, which was asked", web.terminal.screen());
    show("api, which asked", api.terminal.screen());
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a publisher runs away: nobody is woken by it, and the message among it comes at once",
  async () => {
    await idle("api", "web");
    const calls = [api, web].map(({ model }) => model.calls.length);
    const text = fresh("the one that matters");
    for (let i = 0; i < STORM; i++) {
      const channel = i === STORM / 2 ? "session:web" : i % 2 === 0 ? "all" : "repo:web";
      const payload = i === STORM / 2 ? text : `alarm ${i}`;
      await bus.call("publish_event", { event_type: "help_needed", payload, channel });
    }
    await heard(web, text);
    await idle("api", "web");
    const turns = [api, web].map(({ model }, i) => model.calls.length - (calls[i] ?? 0));
    console.log(`a storm of ${STORM}: model calls of api ${turns[0]}, of web ${turns[1]}`);
    expect(turns).toEqual([0, 1]);
    // On a slow machine the message wakes web after the storm, and that turn has all of it.
    for (let i = 0; i < 3; i++)
      await bus.call("publish_event", {
        event_type: "help_needed",
        payload: `late alarm ${i}`,
        channel: "all",
      });
    await web.terminal.say("what happened?");
    const { news } = await heard(web, "what happened?");
    expect(Buffer.byteLength(news)).toBeLessThan(4_000);
    expect(news).toMatch(/\d+ (other )?events since/);
    await idle("web");
    show("web, after the storm", web.terminal.screen());
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "the bus is killed and comes back: nobody notices",
  async () => {
    await serve(binary);
    await idle("api", "web");
    const text = fresh("still there?");
    await bus.call("publish_event", { event_type: "question", payload: text, channel: "session:api" });
    await heard(api, text);
    await idle("api");
    expect(api.model.count(text)).toBe(1);
    await page?.shows(text);
    await page?.hides("The bus has not answered");
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "CI goes red, the session of its branch wakes and fixes it, and CI is green",
  async () => {
    await idle("api", "web");
    const secret = await addSource(bus, { kind: "github", name: "ci" });
    const run = (conclusion: string, id: number, name: string) => {
      const told = workflowRun({ branch: "web", conclusion, id, name });
      return send(
        bus,
        "ci",
        github(secret, "workflow_run", { ...told, repository: { ...told.repository, name: "web" } }),
      );
    };
    const wrong = github("not the secret", "workflow_run", workflowRun());
    expect((await send(bus, "ci", wrong)).status).toBe(401);
    await page?.shows("ci is refused (1): its signature is wrong");
    const calls = api.model.calls.length;
    const fixed = join(here.home, "web", "fixed");
    web.model.use("Bash", { command: `touch '${fixed}'`, description: "Fix it" });
    const name = fresh("tests");
    expect((await run("failure", 1, name)).status).toBe(200);
    const { news } = await heard(web, name);
    expect(news).toContain("ci_failed");
    await page?.shows(name);
    await page?.hides("ci is refused");
    await eventually("the fix", () => existsSync(fixed), PATIENCE_MS);
    await idle("web");
    show("web, whose CI was red", web.terminal.screen());
    const turns = web.model.calls.length;
    const green = await run("success", 2, name);
    const { events } = await bus.call("get_events", { limit: 1 });
    expect(events[0]).toMatchObject({
      id: green.json.event_id,
      event_type: "ci_passed",
      channel: "repo:web",
    });
    expect(await command("source", "list")).toContain("ci");
    await web.terminal.say("is it green?");
    await heard(web, "is it green?");
    await idle("api", "web");
    expect([api.model.calls.length, web.model.calls.length]).toEqual([calls, turns + 1]);
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "the person: an agent writes to them, they read it, answer, and see what it all cost",
  async () => {
    const { session_id } = await sessionOf("api");
    const text = fresh("shall I merge?");
    const sent = { event_type: "question", payload: text, channel: "@human", session_id };
    const { event_id } = await bus.call("publish_event", sent);
    expect(await command("inbox")).toContain(text);
    const answer = fresh("yes, merge it");
    expect(await command("reply", "--to", String(event_id), "--payload", answer)).toContain("Answered");
    const { news } = await heard(api, answer);
    expect(news).toContain("Your user wrote from the bus:");
    await idle("api");
    show("api, which the person answered", api.terminal.screen());
    await command("sessions");
    expect(await command("sessions", "--cost")).toContain("web");
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "a session asks the person, who answers from another terminal",
  async () => {
    const options = ["Red", "Blue"].map((label) => ({
      label,
      description: `The ${label.toLowerCase()} one`,
    }));
    const question = { question: "Which colour?", header: "Colour", multiSelect: false, options };
    web.model.use("AskUserQuestion", { questions: [question] });
    await web.terminal.say(fresh("paint it"));
    await web.terminal.shows("Enter to select", PATIENCE_MS);
    await eventually("it waits", async () => (await bus.call("list_needs")).result.length > 0, PATIENCE_MS);
    await page?.shows("Which colour?");
    const waiting = await command("needs");
    expect(waiting).toContain("Which colour?");
    const id = /answer (\d+) "Red"/.exec(waiting)?.[1] ?? "";
    expect(await command("answer", id, "Blue")).toContain(`Answered #${id} of web: Blue`);
    await heard(web, String.raw`\"Which colour?\"=\"Blue\"`);
    expect(await command("needs")).toContain("Nothing waits for you.");
    await page?.shows("Nobody needs you.");
    page?.expectNoProblem();
  },
  TIMEOUT_MS,
);

testAtTerminal(
  "uninstalled, Claude Code is as it was",
  async () => {
    // The hooks of the plugin were made patient, and files that others changed would stay.
    expect(await command("install", "client", "--url", bus.url, "--yes")).toContain("done");
    expect(await command("uninstall", "--yes")).toContain("done");
    expect(readFileSync(join(here.home, ".claude/settings.json"), "utf8")).toBe(OWN_SETTINGS);
    expect(existsSync(join(here.home, ".claude/skills"))).toBe(false);
  },
  TIMEOUT_MS,
);
