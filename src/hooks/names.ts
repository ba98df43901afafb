/** Longest stay beside the session (s): a day. */
const DAY = 86_400;

/** Each hook with the client's events that run it. The installer writes this table into the client's settings. */
export const HOOKS = {
  "session-start": { events: ["SessionStart"], about: "Register the session and list the others" },
  prompt: { events: ["UserPromptSubmit"], about: "Hand over events that concern the session" },
  "pre-tool": {
    events: ["PreToolUse"],
    about: "Tell the bus's tools which session calls them",
    matcher: "mcp__agent-event-bus__.*|mcp__plugin_agent-event-bus_.*",
  },
  tool: { events: ["PostToolUse"], about: "Hand over events that concern the session" },
  stop: { events: ["Stop"], about: "Continue the turn if an unread event wakes the session" },
  wait: {
    events: ["SessionStart", "UserPromptSubmit", "Stop"],
    about: "Wait in the background and wake the idle session",
    /** Runs beside the session for at most a day (s). A woken client shows the summary. Older ones ignore it. */
    settings: { asyncRewake: true, timeout: DAY, rewakeSummary: "bus: a message woke this session" },
  },
  permission: {
    events: ["PermissionRequest"],
    about: "Report that a dialog waits for the user, and take an answer from elsewhere",
    /** Its dialog stands meanwhile. */
    settings: { async: false, timeout: DAY },
  },
  notification: {
    events: ["Notification"],
    about: "Report dialogs of other kinds",
    /** The client goes on meanwhile. */
    settings: { async: true, timeout: DAY },
  },
  "session-end": { events: ["SessionEnd"], about: "Unregister the session" },
} as const;

/** The forms in which a hook prints events. */
export const FORMATS = ["claude", "plain", "json"] as const;

/** The flags of `hook`, in the order of its help. Each takes a value. */
export const HOOK_FLAGS: readonly {
  name: string;
  value: string;
  about: string;
  choices?: readonly string[];
}[] = [
  {
    name: "format",
    value: FORMATS.join("|"),
    about: "Output format (default claude)",
    choices: FORMATS,
  },
  { name: "url", value: "url", about: "URL of the bus (AGENT_EVENT_BUS_URL)" },
  { name: "pid", value: "pid", about: "Process id of the client, if CLAUDE_PID is not set" },
];

export type HookName = keyof typeof HOOKS;

/** The hooks that stay, as long as there is something to wait for. */
export const STAYING: readonly string[] = ["wait", "permission", "notification"] satisfies HookName[];
