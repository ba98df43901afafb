/** Stays beside the session for at most a day (s), and the client goes on meanwhile. */
const BESIDE = { async: true, timeout: 86_400 } as const;

/** Each hook with the client's events that run it. The installer writes this table into the client's settings. */
export const HOOKS = {
  "session-start": { events: ["SessionStart"], about: "Registers the session, tells it who is here" },
  prompt: { events: ["UserPromptSubmit"], about: "Hands over what concerns the session" },
  "pre-tool": {
    events: ["PreToolUse"],
    about: "Tells the bus's own tools which session calls them",
    matcher: "mcp__agent-event-bus__.*|mcp__plugin_agent-event-bus_.*",
  },
  tool: { events: ["PostToolUse"], about: "Hands over what concerns the session" },
  stop: { events: ["Stop"], about: "Goes on with the turn when something that wakes is unread" },
  wait: {
    events: ["SessionStart", "UserPromptSubmit", "Stop"],
    about: "Waits in the background and wakes the idle session",
    /** Runs beside the session for at most a day (s). A woken client shows the summary. Older ones ignore it. */
    settings: { asyncRewake: true, timeout: 86_400, rewakeSummary: "bus: a message woke this session" },
  },
  permission: {
    events: ["PermissionRequest"],
    about: "Tells that the session waits for its user at a dialog",
    settings: BESIDE,
  },
  notification: {
    events: ["Notification"],
    about: "Tells the same of dialogs of other kinds",
    settings: BESIDE,
  },
  "session-end": { events: ["SessionEnd"], about: "Unregisters the session" },
} as const;

export type HookName = keyof typeof HOOKS;

/** The hooks that stay, as long as there is something to wait for. */
export const STAYING: readonly string[] = ["wait", "permission", "notification"] satisfies HookName[];
