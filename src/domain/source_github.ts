import { BRANCH_TAG } from "./attention.ts";
import type { SourceEvent } from "./source.ts";
import { linesOf, listAt, textAt, valueAt } from "./source_text.ts";

const FAILED = ["failure", "timed_out", "startup_failure", "error"];
/** CI that reports workflow runs by themselves. */
const ACTIONS = "github-actions";

/** The event of a webhook of GitHub, by its `X-GitHub-Event`. A text says why it makes no event. */
export function githubEvent(event: string, body: unknown): SourceEvent | string {
  switch (event) {
    case "ping":
      return "GitHub's ping";
    case "workflow_run":
    case "workflow_job":
      return ran(body, event);
    case "check_run":
      return textAt(body, "check_run.app.slug") === ACTIONS
        ? "a check of GitHub Actions, which its workflow run tells of"
        : ran(body, event);
    case "status":
      return status(body);
    default:
      return anything(event, body);
  }
}

function ran(body: unknown, key: string): SourceEvent | string {
  if (textAt(body, "action") !== "completed") return "CI that has not ended";
  const of = (name: string) => textAt(body, `${key}.${name}`);
  const branch = of("head_branch") || textAt(body, "check_run.check_suite.head_branch");
  const repository = of("head_repository.full_name");
  const isFork = repository !== "" && repository !== textAt(body, "repository.full_name");
  return outcome(body, {
    conclusion: of("conclusion"),
    job: [of("workflow_name"), of("name")].filter(Boolean).join(" / "),
    branch: isFork ? `${repository}:${branch}` : branch,
    commit: [of("head_sha").slice(0, 12), textAt(body, `${key}.head_commit.message`, 80)].join(" ").trim(),
    failed: failedStep(body),
    link: of("html_url"),
  });
}

/** A status that another CI gave a commit. */
function status(body: unknown): SourceEvent | string {
  const state = textAt(body, "state");
  if (state === "pending") return "CI that has not ended";
  return outcome(body, {
    conclusion: state,
    job: textAt(body, "context"),
    branch: textAt(body, "branches.0.name"),
    commit: [textAt(body, "sha").slice(0, 12), textAt(body, "commit.commit.message", 80)].join(" ").trim(),
    failed: textAt(body, "description"),
    link: textAt(body, "target_url"),
  });
}

interface Run {
  conclusion: string;
  job: string;
  branch: string;
  commit: string;
  failed: string;
  link: string;
}

function outcome(body: unknown, run: Run): SourceEvent | string {
  const { conclusion, ...shown } = run;
  const isFailed = FAILED.includes(conclusion);
  if (!isFailed && conclusion !== "success") return `CI that ended as ${conclusion || "nothing"}`;
  return ciEvent({ repository: textAt(body, "repository.name"), isFailed, conclusion, ...shown });
}

/** The event of CI that ended, the same for every kind of source. */
export function ciEvent({
  repository,
  isFailed,
  conclusion,
  ...shown
}: Run & { repository: string; isFailed: boolean }): SourceEvent {
  const { job, branch } = shown;
  const headline = `CI ${isFailed ? "failed" : "passed"}: ${job || "a run"}${branch && ` on ${branch}`}`;
  return {
    event_type: isFailed ? "ci_failed" : "ci_passed",
    channel: repository === "" ? "all" : `repo:${repository}`,
    title: headline,
    tags: branch === "" ? [] : [`${BRANCH_TAG}${branch}`],
    payload: linesOf(`${headline} (${conclusion})`, { repository, ...shown }),
  };
}

function failedStep(body: unknown): string {
  const failed = listAt(body, "workflow_job.steps").filter((step) =>
    FAILED.includes(textAt(step, "conclusion")),
  );
  return failed.map((step) => textAt(step, "name", 80)).join(", ");
}

/** Where an event of GitHub tells what it is about. */
const SUBJECTS = ["pull_request", "issue", "release", "discussion", "check_suite", "deployment_status"];

function anything(event: string, body: unknown): SourceEvent {
  const subject = SUBJECTS.find((one) => valueAt(body, one) !== undefined) ?? "";
  const of = (name: string) => textAt(body, `${subject}.${name}`);
  const repository = textAt(body, "repository.name");
  const did = [event || "event", textAt(body, "action")].filter(Boolean).join(" ");
  const headline = [`GitHub: ${did}`, of("title") || of("name")].filter(Boolean).join(": ");
  return {
    event_type: `github_${event || "event"}`,
    channel: repository === "" ? "all" : `repo:${repository}`,
    title: headline,
    payload: linesOf(headline, {
      repository,
      number: of("number"),
      ref: textAt(body, "ref"),
      by: textAt(body, "sender.login"),
      text: textAt(body, "comment.body") || textAt(body, "head_commit.message"),
      link: textAt(body, "comment.html_url") || of("html_url") || textAt(body, "compare"),
    }),
  };
}
