#!/bin/bash
# A SessionStart hook: registers, maps the terminal, shows what is new and, after a compaction, the checkpoint.
set -euo pipefail
input=$(cat)
id=$(jq -r '.session_id // ""' <<<"$input")
folder=$(jq -r '.cwd // ""' <<<"$input")
from=$(jq -r '.source // "startup"' <<<"$input")
answer=$(agent-event-bus-cli register --name "$(basename "$folder")" --client-id "$id" 2>/dev/null) || true
session=$(jq -r '.session_id // ""' <<<"$answer")
if [[ -z "$session" ]]; then
  echo "not registered"
  exit 0
fi
echo "registered $session as $(jq -r '.display_id // ""' <<<"$answer")"
pane=(--session-id "$session")
if [[ "$from" == "compact" ]]; then pane+=(--keep-wake-state); fi
agent-event-bus-cli panes set "${pane[@]}" >/dev/null
agent-event-bus-cli wake-state idle --session-id "$session" >/dev/null
news=$(agent-event-bus-cli events --session-id "$session" --order desc \
  --exclude session_registered,session_unregistered --timeout 9000 --limit 20 2>/dev/null) || true
if [[ -n "$news" && "$news" != "No events" ]]; then printf '<news>\n%s\n</news>\n' "$news"; fi
if [[ "$from" == "compact" ]]; then
  agent-event-bus-cli events --session-id "$session" --channel "session:$session" --limit 1 --order desc 2>/dev/null |
    grep -E wip_checkpoint | head -1 || true
fi
