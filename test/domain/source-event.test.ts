import { describe, expect, test } from "bun:test";
import { LIMITS, type Limits } from "../../src/domain/limits.ts";
import type { Mapping, SourceEvent, SourceKind } from "../../src/domain/source.ts";
import { eventOfArrival } from "../../src/domain/source_event.ts";
import { alerts, pipeline, workflowRun } from "../support/arrivals.ts";

const LIMIT = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { fallback }]) => [name, fallback]),
) as Limits;

const of = (kind: SourceKind, body: unknown, mapping: Mapping = {}, event?: string) =>
  eventOfArrival(kind, mapping, { event, body }, LIMIT);
const event = (...args: Parameters<typeof of>) => of(...args) as SourceEvent;

describe("GitHub", () => {
  test("a red workflow is ci_failed, with what an agent needs to act", () => {
    expect(event("github", workflowRun({ branch: "fix/login" }), {}, "workflow_run")).toEqual({
      event_type: "ci_failed",
      channel: "repo:shop",
      title: "CI failed: test on fix/login",
      tags: ["branch:fix/login"],
      level: undefined,
      payload: `CI failed: test on fix/login (failure)
repository: shop
job: test
branch: fix/login
commit: 009b8a3a9ccb Let tokens expire After one hour.
link: https://github.com/acme/shop/actions/runs/30433642`,
    });
  });

  test("a run of a fork is not the branch of that name here", () => {
    const found = event("github", workflowRun({ from: "eve/shop" }), {}, "workflow_run");
    expect(found).toMatchObject({ channel: "repo:shop", tags: ["branch:eve/shop:main"] });
  });

  test.each([
    ["success", "ci_passed"],
    ["timed_out", "ci_failed"],
    ["startup_failure", "ci_failed"],
  ])("a run that ended as %s is %s", (conclusion, type) => {
    expect(event("github", workflowRun({ conclusion }), {}, "workflow_run").event_type).toBe(type);
  });

  test.each(["cancelled", "skipped", "neutral"])("a run that was %s is not told", (conclusion) => {
    expect(of("github", workflowRun({ conclusion }), {}, "workflow_run")).toBe(
      `CI that ended as ${conclusion}`,
    );
  });

  test("a job tells its failed step, and a check of another CI its branch", () => {
    const repository = { name: "shop", full_name: "acme/shop" };
    const job = {
      action: "completed",
      workflow_job: {
        ...{
          name: "unit",
          workflow_name: "test",
          head_branch: "main",
          conclusion: "failure",
          head_sha: "abc",
        },
        html_url: "https://github.com/acme/shop/actions/runs/1/job/2",
        steps: [
          { name: "Set up job", conclusion: "success" },
          { name: "npm test", conclusion: "failure" },
        ],
      },
      repository,
    };
    expect(event("github", job, {}, "workflow_job").payload).toContain("job: test / unit\nbranch: main\n");
    expect(event("github", job, {}, "workflow_job").payload).toContain("failed: npm test\n");
    const check = (slug: string) => ({
      action: "completed",
      check_run: {
        ...{
          name: "ci/circle",
          conclusion: "failure",
          head_sha: "abc",
          html_url: "https://ci.example.com/1",
        },
        ...{ check_suite: { head_branch: "main" }, app: { slug } },
      },
      repository,
    });
    expect(event("github", check("circleci"), {}, "check_run")).toMatchObject({
      event_type: "ci_failed",
      tags: ["branch:main"],
    });
    expect(of("github", check("github-actions"), {}, "check_run")).toContain("workflow run tells of");
  });

  test("a status of a commit is CI too, and what still runs is not told", () => {
    const status = (state: string) => ({
      ...{ state, context: "ci/jenkins", description: "2 tests failed", sha: "abc" },
      target_url: "https://jenkins.example.com/1",
      branches: [{ name: "main" }],
      repository: { name: "shop" },
    });
    expect(event("github", status("error"), {}, "status")).toMatchObject({ event_type: "ci_failed" });
    expect(of("github", status("pending"), {}, "status")).toBe("CI that has not ended");
    expect(of("github", { action: "requested", workflow_run: {} }, {}, "workflow_run")).toBe(
      "CI that has not ended",
    );
    expect(of("github", { zen: "Keep it logically awesome." }, {}, "ping")).toBe("GitHub's ping");
  });

  test("anything else is information, with its link", () => {
    const body = {
      action: "opened",
      pull_request: {
        number: 7,
        title: "Let tokens expire",
        html_url: "https://github.com/acme/shop/pull/7",
      },
      repository: { name: "shop" },
      sender: { login: "ada" },
    };
    expect(event("github", body, {}, "pull_request")).toMatchObject({
      event_type: "github_pull_request",
      channel: "repo:shop",
      title: "GitHub: pull_request opened: Let tokens expire",
      payload: expect.stringContaining("number: 7\nby: ada\nlink: https://github.com/acme/shop/pull/7"),
    });
  });
});

describe("GitLab", () => {
  test("a red pipeline is ci_failed, by the path of its project", () => {
    expect(event("gitlab", pipeline({ ref: "fix/login" }))).toMatchObject({
      event_type: "ci_failed",
      channel: "repo:shop",
      tags: ["branch:fix/login"],
      payload: expect.stringContaining(
        "failed: unit\nlink: https://gitlab.example.com/acme/shop/-/pipelines/31",
      ),
    });
    expect(event("gitlab", pipeline({ status: "success" })).event_type).toBe("ci_passed");
    expect(of("gitlab", pipeline({ status: "running" }))).toBe("a pipeline that is running");
  });

  test("a tag of git is not a branch", () => {
    expect(event("gitlab", pipeline({ ref: "main", tag: true })).tags).toBeUndefined();
  });

  test("a job that may fail is not told", () => {
    const job = (build_allow_failure: boolean) => ({
      ...{ object_kind: "build", ref: "main", tag: false, build_id: 7, build_name: "unit" },
      ...{ build_status: "failed", build_failure_reason: "script_failure", build_allow_failure, sha: "abc" },
      project: { path_with_namespace: "acme/shop", web_url: "https://gitlab.example.com/acme/shop" },
    });
    expect(event("gitlab", job(false)).payload).toContain(
      "link: https://gitlab.example.com/acme/shop/-/jobs/7",
    );
    expect(of("gitlab", job(true))).toBe("a job that may fail");
  });
});

describe("Alertmanager", () => {
  test("firing alerts are actionable, resolved and harmless ones are not", () => {
    expect(event("alertmanager", alerts())).toEqual({
      event_type: "alert_firing",
      channel: "all",
      title: "Firing: DiskFull (2)",
      level: "actionable",
      payload: `Firing: DiskFull (2)
- firing 97 % of /var on db-1 is used at db-1 since 2026-01-22T19:33:08Z
- firing 97 % of /var on db-2 is used at db-2 since 2026-01-22T19:33:08Z
severity: critical
runbook: https://runbooks.example.com/disk
link: http://alertmanager.example.com:9093`,
    });
    expect(event("alertmanager", alerts("resolved"))).toMatchObject({
      event_type: "alert_resolved",
      level: "info",
    });
    expect(event("alertmanager", alerts("firing", "info")).level).toBe("info");
  });
});

describe("other senders", () => {
  test("values are shown, and those with a common name understood", () => {
    expect(event("json", { title: "Deployed", text: "v2 is live", branch: "main" })).toMatchObject({
      ...{ event_type: "received", channel: "all", title: "Deployed", payload: "v2 is live" },
      tags: ["branch:main"],
    });
    expect(event("form", { state: "done" }).payload).toBe('{"state":"done"}');
    expect(event("text", "backup failed\nno space left")).toMatchObject({
      title: "backup failed",
      payload: "backup failed\nno space left",
    });
  });
});

describe("the user's mapping", () => {
  test("takes the place of the kind's own, with values of the body", () => {
    const mapping = {
      channel: "repo:{project.name}",
      event_type: "deploy_{state}",
      level: "{level}",
      title: "{project.name} is {state}",
    };
    const body = { project: { name: "web" }, state: "red", level: "actionable" };
    expect(event("json", body, mapping)).toMatchObject({
      channel: "repo:web",
      event_type: "deploy_red",
      level: "actionable",
      title: "web is red",
    });
  });

  test("a value that is not there changes nothing, and is never one of the prototype", () => {
    const mapping = { channel: "repo:{constructor.name}", event_type: "{__proto__.x}", title: "{toString}" };
    expect(event("json", {}, mapping)).toMatchObject({ channel: "all", event_type: "received" });
    expect(event("json", null as never, mapping)).toMatchObject({ channel: "all", payload: "null" });
  });

  test("long and hostile values stay one line within the limits", () => {
    const long = "ä\n\u001b[31m\u2028".repeat(5_000);
    const found = event(
      "json",
      { a: long, title: long, text: long },
      { channel: "repo:{a}", event_type: "{a}" },
    );
    expect(Buffer.byteLength(found.channel)).toBeLessThanOrEqual(LIMIT.channel_bytes);
    expect(Buffer.byteLength(found.event_type)).toBeLessThanOrEqual(LIMIT.event_type_bytes);
    expect(Buffer.byteLength(found.title ?? "")).toBeLessThanOrEqual(LIMIT.title_bytes);
    expect(Buffer.byteLength(found.payload)).toBeLessThanOrEqual(2_048);
    for (const text of [found.channel, found.event_type, found.title])
      expect(text).not.toMatch(/[\p{Cc}\u2028]/u);
    const forged = workflowRun({ branch: "x\nlink: https://evil.example" });
    expect(event("github", forged, {}, "workflow_run").payload.split("\n").at(-1)).toStartWith(
      "link: https://github.com/",
    );
  });

  test("no body of any shape breaks a kind", () => {
    const shapes = [null, 1, "x", [], [null], {}, { repository: 1 }, { alerts: {} }, { alerts: [1, null] }];
    for (const kind of ["github", "gitlab", "alertmanager", "json", "form"] as const)
      for (const body of [...shapes, { object_kind: "pipeline", builds: 1 }, { action: "completed" }])
        for (const name of ["workflow_run", "check_run", "status", "", "push"])
          expect(["string", "object"]).toContain(typeof of(kind, body, {}, name));
  });
});
