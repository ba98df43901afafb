/** Every variable that the program reads, with its default and meaning. docs/settings.md prints this table. */
export const VARIABLES = {
  host: { name: "HOST", fallback: "127.0.0.1", about: "Address to listen on", flag: "host" },
  port: { name: "PORT", fallback: "8080", about: "Port to listen on", flag: "port" },
  db: {
    name: "AGENT_EVENT_BUS_DB",
    fallback: "data.db in the data directory",
    about:
      "Database file, or postgres://USER@HOST/DATABASE for several buses. In settings.env, a relative path starts in the data directory",
    flag: "db",
  },
  log: {
    name: "AGENT_EVENT_BUS_LOG",
    fallback: "agent-event-bus.log in the data directory",
    about:
      "Log file with one line per tool call. In settings.env, a relative path starts in the data directory",
  },
  err: {
    name: "AGENT_EVENT_BUS_ERR",
    fallback: "agent-event-bus.err in the data directory",
    about: "Log of unexpected errors. In settings.env, a relative path starts in the data directory",
  },
  icon: { name: "AGENT_EVENT_BUS_ICON", fallback: "none", about: "Picture shown on desktop notifications" },
  allowedHosts: {
    name: "AGENT_EVENT_BUS_ALLOWED_HOSTS",
    fallback: "none",
    about: "More host names that the bus answers to, comma-separated",
  },
  allowedLogins: {
    name: "AGENT_EVENT_BUS_ALLOWED_LOGINS",
    fallback: "every login of the tailnet",
    about: "Tailscale logins that may use the bus, comma-separated",
  },
  tailscaled: {
    name: "AGENT_EVENT_BUS_TAILSCALED",
    fallback: "tailscaled's own default",
    about: "Socket of the local tailscaled, which identifies tailnet addresses",
  },
  requireToken: {
    name: "AGENT_EVENT_BUS_REQUIRE_TOKEN",
    fallback: "0",
    about: "1: programs on this machine need a token too, e.g. on a shared machine",
  },
  trustHeaders: {
    name: "AGENT_EVENT_BUS_TRUST_HEADERS",
    fallback: "0",
    about: "1: trust Tailscale headers from any address, as the Python original did (unsafe)",
  },
  authDisabled: {
    name: "AGENT_EVENT_BUS_AUTH_DISABLED",
    fallback: "0",
    about: "1: let every client that reaches the port do everything (unsafe)",
  },
  tools: {
    name: "AGENT_EVENT_BUS_TOOLS",
    fallback: "core",
    about:
      "Tools listed to agents: core, or all (adds webhook maintenance, uses more context in every session)",
  },
  wake: {
    name: "AGENT_EVENT_BUS_WAKE",
    fallback: "direct",
    about:
      "Events that wake an idle session: direct (messages to it), repo (also actionable events of its repository), all (all actionable events) or off",
  },
  notify: {
    name: "AGENT_EVENT_BUS_NOTIFY",
    fallback: "needs-me",
    about:
      "Events shown on the desktop: needs-me (those that need you), direct (also direct messages), all (all actionable events) or off",
  },
  push: {
    name: "AGENT_EVENT_BUS_PUSH",
    fallback: "none",
    about: "ntfy topics that your phone gets notifications from, as URLs, comma-separated",
  },
  publicUrl: {
    name: "AGENT_EVENT_BUS_PUBLIC_URL",
    fallback: "none",
    about: "URL at which your phone reaches the bus. Notifications have buttons only with it",
  },
  pushDetail: {
    name: "AGENT_EVENT_BUS_PUSH_DETAIL",
    fallback: "0",
    about: "1: a permission on the phone shows what the tool is to do, not only its name and folder",
  },
  inbound: {
    name: "AGENT_EVENT_BUS_INBOUND",
    fallback: "guarded",
    about:
      "Who may send to sources: guarded (those who may use the bus) or public (also the internet, at /in/ alone)",
  },
  webhookAllowCidrs: {
    name: "AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS",
    fallback: "none",
    about: "Private networks that webhooks from other machines may target, comma-separated",
  },
  webhookBacklog: {
    name: "AGENT_EVENT_BUS_WEBHOOK_BACKLOG",
    fallback: "100000",
    about: "Deliveries that may wait for one webhook. Beyond that, the oldest expire",
  },
  webhookTimeout: {
    name: "AGENT_EVENT_BUS_WEBHOOK_TIMEOUT",
    fallback: "15000",
    about: "Time limit for a webhook receiver's answer (ms)",
  },
  webhookSpeed: {
    name: "AGENT_EVENT_BUS_WEBHOOK_SPEED",
    fallback: "1",
    about: "Factor that shortens the waits between attempts, for tests",
  },
  url: {
    name: "AGENT_EVENT_BUS_URL",
    fallback: "the bus of this machine, at HOST and PORT of settings.env",
    about: "URL of the bus that commands and hooks call",
    flag: "url",
  },
  busUser: {
    name: "AGENT_EVENT_BUS_BUS_USER",
    fallback: "you and root",
    about: "Another user of this machine whose bus you trust: a name, a uid, or any",
  },
  token: {
    name: "AGENT_EVENT_BUS_TOKEN",
    fallback: "the file token in the data directory",
    about: "Bearer token that commands and hooks send",
  },
  hookTimeout: {
    name: "AGENT_EVENT_BUS_HOOK_TIMEOUT",
    fallback: "300, or 1000 for a bus on another machine",
    about: "Time limit of a hook (ms). Raise it on a slow machine",
  },
  lastWords: {
    name: "AGENT_EVENT_BUS_LAST_WORDS",
    fallback: "on",
    about: "off: hooks do not tell the bus how an agent's last answer begins",
  },
  sessionId: {
    name: "AGENT_EVENT_BUS_SESSION_ID",
    fallback: "CLAUDE_CODE_SESSION_ID",
    about: "Session of publish, events and ack without --session-id",
  },
  claudeSessionId: {
    name: "CLAUDE_CODE_SESSION_ID",
    fallback: "none",
    about: "Set by Claude Code. Used if AGENT_EVENT_BUS_SESSION_ID is not set",
  },
} as const satisfies Record<string, { name: string; fallback: string; about: string; flag?: string }>;
