import type { Arrival, SourceKind } from "../domain/source.ts";

const RUN = {
  action: "completed",
  workflow_run: {
    name: "test",
    conclusion: "failure",
    head_branch: "main",
    head_sha: "0123456789abcdef",
    html_url: "https://github.com/acme/shop/actions/runs/1",
    head_commit: { message: "A made-up commit" },
    head_repository: { full_name: "acme/shop" },
  },
  repository: { name: "shop", full_name: "acme/shop" },
};

const PIPELINE = {
  object_kind: "pipeline",
  object_attributes: { id: 1, status: "failed", ref: "main", sha: "0123456789abcdef", tag: false },
  project: { web_url: "https://gitlab.com/acme/shop", path_with_namespace: "acme/shop" },
  commit: { title: "A made-up commit" },
  builds: [{ name: "test", status: "failed" }],
};

const ALERT = {
  version: "4",
  status: "firing",
  groupLabels: { alertname: "DiskFull" },
  commonLabels: { alertname: "DiskFull", severity: "critical" },
  commonAnnotations: {},
  externalURL: "http://alerts.example:9093",
  alerts: [
    {
      status: "firing",
      labels: { alertname: "DiskFull", instance: "db-1" },
      annotations: { summary: "97 % of /var is used" },
      startsAt: "2026-01-01T00:00:00Z",
    },
  ],
};

/** A made-up arrival of each kind: the bad news that it is for. */
export const SAMPLES: Readonly<Record<SourceKind, Arrival>> = {
  github: { event: "workflow_run", body: JSON.stringify(RUN) },
  gitlab: { event: "Pipeline Hook", body: JSON.stringify(PIPELINE) },
  alertmanager: { body: JSON.stringify(ALERT) },
  json: { body: JSON.stringify({ title: "A test", text: "A made-up message", branch: "main" }) },
  form: { body: "title=A+test&text=A+made-up+message" },
  text: { body: "A made-up message" },
};
