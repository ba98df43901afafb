#!/bin/bash
# A PreCompact hook: publishes a checkpoint on the session's own channel.
set -euo pipefail
session=$(jq -r '.session_id // ""')
url=()
if [[ -n "${AGENT_EVENT_BUS_URL:-}" ]]; then url=(--url "$AGENT_EVENT_BUS_URL"); fi
answer=$(agent-event-bus-cli ${url[@]+"${url[@]}"} publish --type wip_checkpoint --payload "[work:one] | files: a" \
  --session-id "$session" --channel "session:$session" 2>/dev/null) || true
if [[ -n "$answer" ]] && jq -e '.event_id' <<<"$answer" >/dev/null 2>&1; then echo "checkpointed"; else echo "not checkpointed"; fi
