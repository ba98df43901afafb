export const LEVELS = ["lifecycle", "info", "actionable"] as const;
export type Level = (typeof LEVELS)[number];

const BY_TYPE: ReadonlyMap<string, Level> = new Map<string, Level>([
  ["session_registered", "lifecycle"],
  ["session_unregistered", "lifecycle"],
  ["ci_watching", "lifecycle"],
  ["ci_rerun", "lifecycle"],
  ["task_started", "lifecycle"],
  ["parallel_work_started", "lifecycle"],
  ["help_needed", "actionable"],
  ["blocker_found", "actionable"],
  ["ci_failed", "actionable"],
  ["error_broadcast", "actionable"],
  ["answer_refused", "actionable"],
]);

export function isLevel(text: unknown): text is Level {
  return LEVELS.includes(text as Level);
}

/** The signal level of an event (WIRE.md 2): an explicit known level, else `actionable` for a direct message, else by type. */
export function levelOf(event: {
  event_type: string;
  channel: string;
  explicit_level?: string | null | undefined;
}): Level {
  if (isLevel(event.explicit_level)) return event.explicit_level;
  if (event.channel.startsWith("session:")) return "actionable";
  return BY_TYPE.get(event.event_type) ?? "info";
}

export function atLeast(level: Level, minimum: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(minimum);
}
