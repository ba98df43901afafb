// The recipes of docs/inbound.md, each run as far as it can be here.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { newest } from "../support/agent.ts";
import { alerts } from "../support/arrivals.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, root, startBus } from "../support/bus.ts";
import { bearer, tokenFor } from "../support/callers.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";

const page = readFileSync(join(root, "docs/inbound.md"), "utf8");

/** The blocks of a section, without their fences. */
function blocksUnder(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0];
  if (section === undefined) throw new Error(`docs/inbound.md has no section ${heading}`);
  return [...section.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
}

/** The command of this page that adds a source of that name. */
function commandFor(name: string): string {
  const found = [...page.matchAll(/agent-event-bus source add [^\n#`]+/g)].map(([line]) => line.trim());
  const command = found.find((line) => line.includes(`--name ${name}`));
  if (command === undefined) throw new Error(`docs/inbound.md adds no source ${name}`);
  return command;
}

let bus: ProcessBus;
let token = "";

beforeAll(async () => {
  bus = await startBus("binary", { outlives: true });
  token = tokenFor(bus.db, "actions", "publish");
});

afterAll(async () => {
  await bus?.kill();
  removeFolders();
});

/** Runs a script as a runner of CI does: it ends at the first command that fails. */
async function run(script: string, env: Record<string, string> = {}): Promise<string> {
  const folder = tempFolder();
  const child = Bun.spawn(["bash", "-e", "-o", "pipefail", "-c", script], {
    cwd: folder,
    env: {
      PATH: `${dirname(binary)}:${process.env.PATH}`,
      HOME: folder,
      AGENT_EVENT_BUS_URL: bus.url,
      BUS_URL: bus.url.replace(/\/mcp$/, ""),
      ...env,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect([await child.exited, err]).toEqual([0, ""]);
  return out;
}

// biome-ignore lint/suspicious/noExplicitAny: it is whatever the page says
const yaml = (text: string): any => Bun.YAML.parse(text);

describe("docs/inbound.md", () => {
  test("its first commands work, in their order", async () => {
    const [commands = ""] = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
    const out = await run(commands);
    expect(out).toContain("Source ci added.");
    expect(out).toContain("ci_failed to repo:shop, actionable");
  });

  test("the step of a GitHub Action tells of its branch, once", async () => {
    await run(commandFor("actions"));
    const [, step = ""] = blocksUnder("GitHub");
    const [{ run: script, env }] = yaml(step);
    expect(Object.keys(env)).toEqual(["BUS_URL", "BUS_TOKEN"]);
    const runner = {
      ...{
        BUS_TOKEN: token,
        GITHUB_RUN_ID: "7",
        GITHUB_RUN_ATTEMPT: "1",
        GITHUB_JOB: "unit",
        GITHUB_WORKFLOW: "test",
      },
      ...{
        GITHUB_REPOSITORY: "acme/shop",
        GITHUB_REF_NAME: "fix/a&b",
        GITHUB_HEAD_REF: "",
        GITHUB_SERVER_URL: "https://github.com",
      },
    };
    const first = JSON.parse(await run(script, runner));
    expect(await newest(bus)).toMatchObject({
      ...{ id: first.event_id, event_type: "ci_failed", channel: "repo:shop", tags: ["branch:fix/a&b"] },
      title: "CI failed: test",
      payload: "unit failed: https://github.com/acme/shop/actions/runs/7",
    });
    expect(JSON.parse(await run(script, runner))).toEqual({ ...first, duplicate: true });
  });

  test("the job of GitLab does the same", async () => {
    const [job = ""] = blocksUnder("GitLab");
    const [script] = yaml(job)["tell the bus"].script;
    const { event_id } = JSON.parse(
      await run(script, {
        ...{ BUS_TOKEN: token, CI_PIPELINE_ID: "31", CI_PROJECT_NAME: "shop", CI_COMMIT_REF_NAME: "main" },
        CI_PIPELINE_URL: "https://gitlab.example.com/acme/shop/-/pipelines/31",
      }),
    );
    expect(await newest(bus)).toMatchObject({ id: event_id, event_type: "ci_failed", tags: ["branch:main"] });
    await run(commandFor("lab"));
  });

  test("the receiver of Alertmanager sends where the bus takes it", async () => {
    await run(commandFor("alerts"));
    const [config = ""] = blocksUnder("Alertmanager");
    const [{ url, http_config }] = yaml(config).receivers[0].webhook_configs;
    expect(Object.keys(http_config.authorization)).toEqual(["credentials_file"]);
    // As Alertmanager does: a Bearer token unless another type is named.
    const response = await fetch(new URL(new URL(url).pathname, bus.url), {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "Alertmanager/0.27.0", ...bearer(token) },
      body: JSON.stringify(alerts()),
    });
    expect(response.status).toBe(200);
    expect(await newest(bus)).toMatchObject({ event_type: "alert_firing", signal_level: "actionable" });
  });

  test("the line of cron tells you", async () => {
    await run(commandFor("cron"));
    const [line = ""] = blocksUnder("cron");
    const [, command = ""] = /^0 3 \* \* \* (.+)$/m.exec(line) ?? [];
    // In a crontab a percent sign ends the command.
    expect(command).not.toContain("%");
    const here = command.replace("http://127.0.0.1:8080", new URL(bus.url).origin);
    await run(`backup-everything() { return 1; }\n${here}`);
    expect(await newest(bus)).toMatchObject({ channel: "session:human", payload: "The backup failed.\n" });
  });

  test("the shell signs as the bus expects", async () => {
    const [, secret = ""] = /secret[^:]*: (whsec_\S+)/.exec(
      await run(`${commandFor("deploys")}\nagent-event-bus source rotate deploys`),
    ) ?? ["", ""];
    const [script = ""] = blocksUnder("Sign what you send");
    const { event_id } = JSON.parse(await run(script, { BUS_SECRET: secret }));
    expect(await newest(bus)).toMatchObject({ id: event_id, payload: "v2 is live" });
  });

  test("the settings for the internet are ones that the bus takes", async () => {
    const [commands = ""] = blocksUnder("From the internet");
    const settings = [...commands.matchAll(/^echo (\w+)=(\S+) >>/gm)];
    const env = Object.fromEntries(settings.map(([, name = "", value = ""]) => [name, value]));
    const open = await startBus("binary", { env });
    const post = (path: string) =>
      fetch(new URL(path, open.url), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          host: "bus.tail1234.ts.net",
          "tailscale-funnel-request": "?1",
        },
        body: "{}",
      });
    expect([(await post("/in/ci")).status, (await post("/mcp")).status]).toEqual([401, 403]);
    expect(await (await post("/in/ci")).text()).toContain("no such source");
  });
});
