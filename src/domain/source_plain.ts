import { BRANCH_TAG } from "./attention.ts";
import type { SourceEvent } from "./source.ts";
import { bounded, linesOf, listAt, oneLine, textAt, valueAt } from "./source_text.ts";

/** Severities that nobody has to act on. */
const HARMLESS = ["info", "none", "debug"];

/** The event of a notification of Alertmanager: one group of alerts. */
export function alertEvent(body: unknown): SourceEvent {
  const isFiring = textAt(body, "status") === "firing";
  const alerts = listAt(body, "alerts");
  const name = textAt(body, "commonLabels.alertname") || textAt(body, "groupLabels.alertname") || "alerts";
  const severity = textAt(body, "commonLabels.severity");
  const headline = `${isFiring ? "Firing" : "Resolved"}: ${name}${alerts.length > 1 ? ` (${alerts.length})` : ""}`;
  return {
    event_type: isFiring ? "alert_firing" : "alert_resolved",
    channel: "all",
    title: headline,
    level: isFiring && !HARMLESS.includes(severity) ? "actionable" : "info",
    payload: linesOf([headline, ...alerts.map(alertLine)].join("\n"), {
      severity,
      runbook: textAt(body, "commonAnnotations.runbook_url"),
      link: textAt(body, "externalURL"),
    }),
  };
}

function alertLine(alert: unknown): string {
  const of = (name: string) => textAt(alert, name, 200);
  const text = of("annotations.summary") || of("annotations.description") || of("labels.alertname");
  const where = of("labels.instance");
  const since = of("startsAt").replace(/\.\d+/, "");
  return `- ${[of("status"), text, where && `at ${where}`, since && `since ${since}`].filter(Boolean).join(" ")}`;
}

const RECEIVED = "received";

/** The event of a JSON value or a form. Names of common values are understood: title, branch, text or message. */
export function valuesEvent(body: unknown): SourceEvent {
  const branch = textAt(body, "branch");
  const text = ["payload", "text", "message"].map((name) => valueAt(body, name)).find(isText);
  return {
    event_type: RECEIVED,
    channel: "all",
    title: textAt(body, "title") || undefined,
    tags: branch === "" ? [] : [`${BRANCH_TAG}${branch}`],
    payload: bounded(text ?? JSON.stringify(body)),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function textEvent(body: string): SourceEvent {
  const [first = ""] = body.trim().split("\n", 1);
  return {
    event_type: RECEIVED,
    channel: "all",
    title: oneLine(first, 100) || undefined,
    payload: bounded(body),
  };
}
