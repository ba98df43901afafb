import { writeFileSync } from "node:fs";
import { type Broken, install } from "./broken.ts";

/** What Claude Code knows of the bus, and the token that it needs; with its real command. */
export const BROKEN_MCP: readonly Broken[] = [
  {
    name: "Claude Code does not know the bus",
    break: ({ sh }) => sh("claude mcp remove --scope user agent-event-bus"),
    bad: ["mcp"],
    says: /Claude Code does not know the bus/,
    repair: install,
  },
  {
    name: "Claude Code asks another bus",
    break: ({ sh, url }) => sh(`sed -i 's|${url}|http://127.0.0.1:1/mcp|' .claude.json`),
    bad: ["mcp"],
    says: /Claude Code connects to http:\/\/127.0.0.1:1\/mcp, but commands and hooks to/,
    repair: install,
  },
  {
    name: "there is no token where the bus wants one",
    break: ({ sh }) =>
      sh(
        "echo AGENT_EVENT_BUS_REQUIRE_TOKEN=1 >> .claude/contrib/agent-event-bus/settings.env; agent-event-bus restart",
      ),
    bad: ["token"],
    says: /need a token/,
    repair:
      /^\(umask 077; agent-event-bus token create --name \S+ --json \| sed .* > \S+token\) && agent-event-bus install server$/,
  },
  {
    name: "Claude Code has no token",
    break: ({ sh, url }) =>
      sh(
        `claude mcp remove --scope user agent-event-bus; claude mcp add --transport http --scope user agent-event-bus ${url}`,
      ),
    bad: ["mcp"],
    says: /Claude Code has no token, but the bus needs one/,
    repair: install,
  },
  {
    name: "Claude Code has another token",
    break: ({ sh }) => sh(`sed -i 's|Bearer aeb_|Bearer aeb_0|' .claude.json`),
    bad: ["mcp"],
    says: /the token of Claude Code is not valid/,
    repair: install,
  },
  {
    name: "the kept token is not valid",
    break: ({ data }) => writeFileSync(data("token"), "aeb_wrong\n"),
    bad: ["token"],
    says: /token/,
    repair: /token create --name/,
  },
];
