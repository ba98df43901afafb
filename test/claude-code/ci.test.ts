// CI and others publish by POST, and the right one of two sessions of a repository wakes.
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import {
  addSource,
  alerts,
  github,
  gitlab,
  pipeline,
  type Sent,
  send,
  signed,
  workflowRun,
} from "../support/arrivals.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import type { Claude } from "./client.ts";
import { atTerminal, testAtTerminal } from "./converse.ts";
import { Desk, heard, type Place } from "./desk.ts";

const TIMEOUT_MS = 240_000;
/** Names its session too. */
const BRANCH = "login";

let desk: Desk;
/** Works on the branch of the repository `shop`, in a worktree. */
let login: Place;
/** Works on its main branch, in another one. */
let other: Place;
const secrets: Record<string, string> = {};

function git(...args: string[]): void {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
  const { success, stderr } = Bun.spawnSync(["git", ...identity, ...args]);
  if (!success) throw new Error(`git ${args.join(" ")}: ${stderr}`);
}

/** A repository, and how to check a branch of it out below a home. */
function repository(
  name: string,
): (branch: string, folder: string) => { before(client: Claude): Promise<void> } {
  const main = join(tempFolder(true), name);
  git("init", "--quiet", "--initial-branch", "trunk", main);
  git("-C", main, "commit", "--quiet", "--allow-empty", "--message", "first");
  return (branch, folder) => ({
    async before({ home }) {
      git("-C", main, "worktree", "add", "--quiet", "-b", branch, join(home, folder));
      trust(home, main, join(home, folder));
    },
  });
}

/** A client asks of each repository whether it is trusted. */
function trust(home: string, ...folders: string[]): void {
  const projects = Object.fromEntries(folders.map((folder) => [folder, { hasTrustDialogAccepted: true }]));
  writeFileSync(join(home, ".claude.json"), JSON.stringify({ projects }));
}

/** As the user says it: what is not CI of a branch goes to the session by its name. */
const SOURCES: Record<string, Record<string, string>> = {
  github: {},
  gitlab: {},
  alertmanager: { channel: "session:login" },
  json: {
    event_type: "ci_failed",
    channel: "repo:{repository}",
    secret: "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
  },
  form: { channel: "session:{to}" },
  text: { channel: "session:login" },
};

beforeAll(async () => {
  if (!atTerminal) return;
  desk = await Desk.open();
  const checkedOut = repository("shop");
  [login, other] = await Promise.all([
    desk.sitIdle("login", undefined, checkedOut(BRANCH, "login")),
    desk.sitIdle("other", undefined, checkedOut("main", "other")),
  ]);
  expect(await desk.session("login")).toMatchObject({ repo: "shop" });
  for (const [kind, more] of Object.entries(SOURCES))
    secrets[kind] = await addSource(desk.bus, { kind, name: kind, ...more });
}, TIMEOUT_MS);

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

/** A delivery of each kind that holds the text, for the session `login`. */
const DELIVERIES: [kind: string, sent: (text: string) => Sent, said: string][] = [
  [
    "github",
    (name) => github(secrets.github ?? "", "workflow_run", workflowRun({ branch: BRANCH, name })),
    "ci_failed",
  ],
  [
    "gitlab",
    (title) => gitlab(secrets.gitlab ?? "", { ...pipeline({ ref: BRANCH }), commit: { title } }),
    "ci_failed",
  ],
  [
    "alertmanager",
    (name) => ({
      headers: {},
      body: JSON.stringify({ ...alerts(), commonLabels: { alertname: name, severity: "critical" } }),
    }),
    "alert_firing",
  ],
  [
    "json",
    (text) => signed(secrets.json ?? "", JSON.stringify({ repository: "shop", branch: BRANCH, text })),
    "ci_failed",
  ],
  [
    "form",
    (text) => ({
      headers: { "idempotency-key": text },
      body: new URLSearchParams({ to: "login", text }).toString(),
    }),
    "received",
  ],
  ["text", (body) => ({ headers: { "idempotency-key": body }, body }), "received"],
];

for (const [kind, sent, said] of DELIVERIES)
  testAtTerminal(
    `${kind} wakes the session that it concerns, once, and not the other one of its repository`,
    async () => {
      await Promise.all([desk.idle("login"), desk.idle("other")]);
      const others = other.model.calls.length;
      const text = fresh("please look at this");
      const delivery = sent(text);
      const answer = await send(desk.bus, kind, delivery);
      expect(answer).toMatchObject({ status: 200, json: { event_id: expect.any(Number) } });
      expect((await send(desk.bus, kind, delivery)).json).toEqual({ ...answer.json, duplicate: true });
      const { news } = await heard(login, text);
      expect(news).toContain(said);
      expect(news).toContain("NOT USER INPUT");
      await desk.idle("login");
      expect(other.model.calls.length).toBe(others);
    },
    TIMEOUT_MS,
  );

testAtTerminal(
  "a red run on another branch wakes nobody, and each session is told at its next prompt",
  async () => {
    await Promise.all([desk.idle("login"), desk.idle("other")]);
    const calls = [login, other].map(({ model }) => model.calls.length);
    const text = fresh("a branch of nobody");
    const run = workflowRun({ branch: "elsewhere", name: text });
    expect((await send(desk.bus, "github", github(secrets.github ?? "", "workflow_run", run))).status).toBe(
      200,
    );
    // A direct message wakes the session after it, so an event that would wake it had done so.
    await desk.tell("other", fresh("and this"));
    await heard(other, text);
    await desk.idle("other");
    expect(login.model.calls.length).toBe(calls[0] ?? 0);
    await login.terminal.say("news?");
    await heard(login, text);
  },
  TIMEOUT_MS,
);
