// Sample deliveries, written after the schemas that GitHub, GitLab and Alertmanager publish, and signed by code that is not ours.
import { createHmac } from "node:crypto";
import type { TestBus } from "./bus.ts";

export interface Sent {
  headers: Record<string, string>;
  body: string;
}

/** Adds a source as the command line does, and returns its secret. */
export async function addSource(bus: Pick<TestBus, "url">, args: Record<string, string>): Promise<string> {
  const response = await fetch(new URL("/api/add_source", bus.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(args),
  });
  const answer = (await response.json()) as { error?: string; secret?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.secret ?? "";
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Answer = { status: number; json: any; text: string };

/** POSTs to a source. */
export async function send(
  bus: Pick<TestBus, "url">,
  name: string,
  { headers, body }: Sent,
  more: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(new URL(`/in/${name}`, bus.url), {
    method: "POST",
    headers: { ...headers, ...more },
    body,
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text) };
}

export function ofBody(secret: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

const JSON_TYPE = { "content-type": "application/json" };

export function github(
  secret: string,
  event: string,
  value: unknown,
  id: string = crypto.randomUUID(),
): Sent {
  const body = JSON.stringify(value);
  const headers = { ...JSON_TYPE, "user-agent": "GitHub-Hookshot/abc123", "x-github-hook-id": "1" };
  return {
    headers: {
      ...headers,
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": ofBody(secret, body),
    },
    body,
  };
}

export function gitlab(token: string, value: unknown, uuid: string = crypto.randomUUID()): Sent {
  const headers = { ...JSON_TYPE, "user-agent": "GitLab/18.0.0", "x-gitlab-event": "Pipeline Hook" };
  return {
    headers: { ...headers, "x-gitlab-token": token, "x-gitlab-event-uuid": uuid },
    body: JSON.stringify(value),
  };
}

/** Signs as Standard Webhooks says. */
export function signed(
  secret: string,
  body: string,
  at = Date.now(),
  id: string = crypto.randomUUID(),
): Sent {
  const timestamp = String(Math.floor(at / 1000));
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : secret;
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    headers: { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${digest}` },
    body,
  };
}

export function workflowRun(
  run: { branch?: string; conclusion?: string; name?: string; from?: string; id?: number } = {},
) {
  const { branch = "main", conclusion = "failure", name = "test", from = "acme/shop", id = 30433642 } = run;
  return {
    action: "completed",
    workflow_run: {
      id,
      name,
      node_id: "MDEyOldvcmtmbG93IFJ1bjI2OTI4OQ==",
      head_branch: branch,
      head_sha: "009b8a3a9ccbb128af87f9b1c0f4c62e8a304f6d",
      run_number: 562,
      event: "push",
      status: "completed",
      conclusion,
      workflow_id: 159038,
      html_url: `https://github.com/acme/shop/actions/runs/${id}`,
      pull_requests: [],
      created_at: "2026-01-22T19:33:08Z",
      updated_at: "2026-01-22T19:35:12Z",
      head_commit: {
        id: "009b8a3a9ccbb128af87f9b1c0f4c62e8a304f6d",
        message: "Let tokens expire\n\nAfter one hour.",
        author: { name: "Ada", email: "ada@example.com" },
      },
      repository: { id: 1, name: "shop", full_name: "acme/shop" },
      head_repository: { id: 1, name: from.split("/")[1], full_name: from },
    },
    workflow: { id: 159038, name, path: ".github/workflows/test.yml", state: "active" },
    repository: { id: 1, name: "shop", full_name: "acme/shop", private: true },
    sender: { login: "ada", id: 1, type: "User" },
  };
}

export function pipeline(more: { status?: string; ref?: string; tag?: boolean } = {}) {
  const { status = "failed", ref = "main", tag = false } = more;
  return {
    object_kind: "pipeline",
    object_attributes: {
      id: 31,
      iid: 3,
      ref,
      tag,
      sha: "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
      source: "push",
      status,
      stages: ["build", "test"],
      url: "https://gitlab.example.com/acme/shop/-/pipelines/31",
    },
    user: { id: 1, name: "Ada", username: "ada" },
    project: {
      id: 1,
      name: "The Shop",
      web_url: "https://gitlab.example.com/acme/shop",
      path_with_namespace: "acme/shop",
      default_branch: "main",
    },
    commit: { id: "bcbb5ec396a2c0f828686f14fac9b80b780504f2", title: "Let tokens expire" },
    builds: [
      { id: 380, stage: "build", name: "compile", status: "success", allow_failure: false },
      { id: 377, stage: "test", name: "unit", status: "failed", allow_failure: false },
    ],
  };
}

export function alerts(status: "firing" | "resolved" = "firing", severity = "critical") {
  return {
    version: "4",
    groupKey: '{}:{alertname="DiskFull"}',
    truncatedAlerts: 0,
    status,
    receiver: "bus",
    groupLabels: { alertname: "DiskFull" },
    commonLabels: { alertname: "DiskFull", severity },
    commonAnnotations: { runbook_url: "https://runbooks.example.com/disk" },
    externalURL: "http://alertmanager.example.com:9093",
    alerts: ["db-1", "db-2"].map((instance) => ({
      status,
      labels: { alertname: "DiskFull", instance, severity },
      annotations: { summary: `97 % of /var on ${instance} is used` },
      startsAt: "2026-01-22T19:33:08.123Z",
      endsAt: status === "firing" ? "0001-01-01T00:00:00Z" : "2026-01-22T20:00:00Z",
      generatorURL: "http://prometheus.example.com/graph",
      fingerprint: instance,
    })),
  };
}
