#!/bin/bash
# A SessionEnd hook: forgets the terminal and leaves.
set -euo pipefail
id=$(jq -r '.session_id // ""')
agent-event-bus-cli panes clear --session-id "$id" --keep-pane-entries >/dev/null
agent-event-bus-cli wake-state idle --session-id "$id" >/dev/null
answer=$(agent-event-bus-cli unregister --client-id "$id" 2>/dev/null) || true
if [[ -n "$answer" ]] && jq -e '.success == true' <<<"$answer" >/dev/null 2>&1; then
  echo "left as $(jq -r '.session_id' <<<"$answer")"
else
  echo "not left"
fi
