/** Each hook with the client's name for it. */
export const HOOKS = {
  "session-start": { event: "SessionStart", about: "Registers the session, tells it who is here" },
  prompt: { event: "UserPromptSubmit", about: "Hands over what is unread" },
  tool: { event: "PostToolUse", about: "Hands over what is actionable" },
  stop: { event: "Stop", about: "Goes on with the turn when something actionable is unread" },
  wait: { event: "Stop", about: "Waits in the background and wakes the idle session" },
  "session-end": { event: "SessionEnd", about: "Unregisters the session" },
} as const;

export type HookName = keyof typeof HOOKS;
