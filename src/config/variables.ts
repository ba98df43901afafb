/** Every variable that the program reads, with its default and meaning. The guide and the README print this table. */
export const VARIABLES = {
  host: { name: "HOST", fallback: "127.0.0.1", about: "Address to listen on", flag: "host" },
  port: { name: "PORT", fallback: "8080", about: "Port to listen on", flag: "port" },
  db: {
    name: "AGENT_EVENT_BUS_DB",
    fallback: "data.db in the data directory",
    about: "Database file; a relative path in settings.env starts in the data directory",
    flag: "db",
  },
  log: {
    name: "AGENT_EVENT_BUS_LOG",
    fallback: "agent-event-bus.log in the data directory",
    about: "Log file: one line per tool call; a relative path in settings.env starts in the data directory",
  },
  err: {
    name: "AGENT_EVENT_BUS_ERR",
    fallback: "agent-event-bus.err in the data directory",
    about: "Details of unexpected errors; a relative path in settings.env starts in the data directory",
  },
  icon: { name: "AGENT_EVENT_BUS_ICON", fallback: "none", about: "Picture shown on desktop notifications" },
  allowedHosts: {
    name: "AGENT_EVENT_BUS_ALLOWED_HOSTS",
    fallback: "none",
    about: "Further host names the bus answers to, comma-separated",
  },
  allowedLogins: {
    name: "AGENT_EVENT_BUS_ALLOWED_LOGINS",
    fallback: "every login of the tailnet",
    about: "Tailscale logins that may use the bus, comma-separated",
  },
  tailscaled: {
    name: "AGENT_EVENT_BUS_TAILSCALED",
    fallback: "where tailscaled puts it",
    about: "Socket of the local tailscaled, asked whose a tailnet address is",
  },
  requireToken: {
    name: "AGENT_EVENT_BUS_REQUIRE_TOKEN",
    fallback: "0",
    about: "1: only tokens count, for programs of this machine too; for a machine that people share",
  },
  trustHeaders: {
    name: "AGENT_EVENT_BUS_TRUST_HEADERS",
    fallback: "0",
    about: "1: believe Tailscale headers from anyone, as the Python original did; not safe",
  },
  authDisabled: {
    name: "AGENT_EVENT_BUS_AUTH_DISABLED",
    fallback: "0",
    about: "1: everyone who reaches the port may do everything; not safe",
  },
  tools: {
    name: "AGENT_EVENT_BUS_TOOLS",
    fallback: "core",
    about: "Tools that agents are shown: core, or all (webhook upkeep too, at more context in every session)",
  },
  wake: {
    name: "AGENT_EVENT_BUS_WAKE",
    fallback: "direct",
    about: "What wakes an idle session: direct (messages to it), repo, all (everything actionable) or off",
  },
  notify: {
    name: "AGENT_EVENT_BUS_NOTIFY",
    fallback: "needs-me",
    about:
      "What the desktop shows: needs-me (what waits for you), direct (direct messages too), all (everything actionable too) or off",
  },
  webhookAllowCidrs: {
    name: "AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS",
    fallback: "none",
    about: "Private networks that webhooks registered from other machines may name, comma-separated",
  },
  webhookBacklog: {
    name: "AGENT_EVENT_BUS_WEBHOOK_BACKLOG",
    fallback: "100000",
    about: "Deliveries that may wait for one webhook; the oldest beyond it expire",
  },
  webhookTimeout: {
    name: "AGENT_EVENT_BUS_WEBHOOK_TIMEOUT",
    fallback: "15000",
    about: "How long a webhook's receiver may take to answer, ms",
  },
  webhookSpeed: {
    name: "AGENT_EVENT_BUS_WEBHOOK_SPEED",
    fallback: "1",
    about: "How many times faster waits between attempts pass; for tests",
  },
  url: {
    name: "AGENT_EVENT_BUS_URL",
    fallback: "the bus of this machine, at HOST and PORT of settings.env",
    about: "The bus that commands and hooks talk to",
    flag: "url",
  },
  busUser: {
    name: "AGENT_EVENT_BUS_BUS_USER",
    fallback: "oneself and root",
    about: "User of this machine whose bus may be used too: a name, a number, or any",
  },
  token: {
    name: "AGENT_EVENT_BUS_TOKEN",
    fallback: "the file token in the data directory",
    about: "Sent by commands as a Bearer token",
  },
  hookTimeout: {
    name: "AGENT_EVENT_BUS_HOOK_TIMEOUT",
    fallback: "300, or 1000 for a bus on another machine",
    about: "Time limit of a hook, ms; raise it on a slow machine",
  },
  sessionId: {
    name: "AGENT_EVENT_BUS_SESSION_ID",
    fallback: "CLAUDE_CODE_SESSION_ID",
    about: "Session of publish, events and ack without --session-id",
  },
  claudeSessionId: {
    name: "CLAUDE_CODE_SESSION_ID",
    fallback: "none",
    about: "Set by Claude Code; used when the line above is not set",
  },
} as const satisfies Record<string, { name: string; fallback: string; about: string; flag?: string }>;
