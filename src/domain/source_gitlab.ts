import type { SourceEvent } from "./source.ts";
import { ciEvent } from "./source_github.ts";
import { linesOf, listAt, textAt } from "./source_text.ts";

const FAILED = "failed";

/** The event of a webhook of GitLab, by its `object_kind`. A text says why it makes no event. */
export function gitlabEvent(body: unknown): SourceEvent | string {
  const kind = textAt(body, "object_kind");
  if (kind === "pipeline") return pipeline(body);
  return kind === "build" ? job(body) : anything(kind || "event", body);
}

/** The last part of the path is the name of the folder that `git clone` makes. */
function repositoryOf(body: unknown): string {
  const path = textAt(body, "project.path_with_namespace") || textAt(body, "repository.homepage");
  return path.split("/").at(-1) || textAt(body, "project.name") || textAt(body, "repository.name");
}

function isDone(status: string): boolean {
  return status === FAILED || status === "success";
}

function pipeline(body: unknown): SourceEvent | string {
  const of = (name: string) => textAt(body, `object_attributes.${name}`);
  const status = of("status");
  if (!isDone(status)) return `a pipeline that is ${status || "unknown"}`;
  const failed = listAt(body, "builds").filter((build) => textAt(build, "status") === FAILED);
  const names = failed.map((build) => textAt(build, "name", 80)).join(", ");
  return ciEvent({
    repository: repositoryOf(body),
    isFailed: status === FAILED,
    conclusion: status,
    job: of("name") || "pipeline",
    // A tag of git is not a branch.
    branch: of("tag") === "true" ? "" : of("ref"),
    commit: [of("sha").slice(0, 12), textAt(body, "commit.title", 80)].join(" ").trim(),
    failed: names,
    link: of("url") || `${textAt(body, "project.web_url")}/-/pipelines/${of("id")}`,
  });
}

function job(body: unknown): SourceEvent | string {
  const status = textAt(body, "build_status");
  if (!isDone(status)) return `a job that is ${status || "unknown"}`;
  if (textAt(body, "build_allow_failure") === "true") return "a job that may fail";
  const base = textAt(body, "project.web_url") || textAt(body, "repository.homepage");
  return ciEvent({
    repository: repositoryOf(body),
    isFailed: status === FAILED,
    conclusion: status,
    job: textAt(body, "build_name"),
    branch: textAt(body, "tag") === "true" ? "" : textAt(body, "ref"),
    commit: [textAt(body, "sha").slice(0, 12), textAt(body, "commit.message", 80)].join(" ").trim(),
    failed: textAt(body, "build_failure_reason").replace(/^unknown_failure$/, ""),
    link: `${base}/-/jobs/${textAt(body, "build_id")}`,
  });
}

function anything(kind: string, body: unknown): SourceEvent {
  const of = (name: string) => textAt(body, `object_attributes.${name}`);
  const repository = repositoryOf(body);
  const did = [kind, of("action") || of("state")].filter(Boolean).join(" ");
  const headline = [`GitLab: ${did}`, of("title")].filter(Boolean).join(": ");
  return {
    event_type: `gitlab_${kind}`,
    channel: repository === "" ? "all" : `repo:${repository}`,
    title: headline,
    payload: linesOf(headline, {
      repository,
      number: of("iid"),
      ref: textAt(body, "ref"),
      by: textAt(body, "user.username") || textAt(body, "user_username"),
      text: of("note"),
      link: of("url"),
    }),
  };
}
