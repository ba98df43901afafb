#!/bin/bash
# A UserPromptSubmit hook: marks the session busy and shows what is new since the last one.
set -euo pipefail
session=$(jq -r '.session_id // ""')
agent-event-bus-cli wake-state busy --session-id "$session" >/dev/null
news=$(agent-event-bus-cli events --resume --session-id "$session" --order asc \
  --exclude session_registered,session_unregistered,ci_watching --timeout 9000 --limit 20 2>/dev/null) || true
if [[ -n "$news" && "$news" != "No events" ]]; then printf '<news>\n%s\n</news>\n' "$news"; fi
