#!/bin/bash
# A Stop hook: marks the session idle, then drains what is actionable: peeks, shows, acknowledges, while there is more.
set -euo pipefail
input=$(cat)
session=$(jq -r '.session_id // ""' <<<"$input")
agent-event-bus-cli wake-state idle --session-id "$session" >/dev/null
if [[ "$(jq -r '.stop_hook_active // false' <<<"$input")" == "true" ]]; then exit 0; fi
found=""
while :; do
  page=$(agent-event-bus-cli events --session-id "$session" --resume --peek --min-level actionable \
    --order asc --limit 2 --timeout 9000 --json 2>/dev/null) || break
  found+=$(jq -r '.events[].payload' <<<"$page")
  cursor=$(jq -r '.next_cursor // empty' <<<"$page")
  if [[ -n "$cursor" ]]; then agent-event-bus-cli ack --session-id "$session" --cursor "$cursor" >&2 || true; fi
  if [[ "$(jq -r '.has_more' <<<"$page")" != "true" ]]; then break; fi
done
if [[ -n "$found" ]]; then jq -n --arg reason "$found" '{decision: "block", reason: $reason}'; fi
