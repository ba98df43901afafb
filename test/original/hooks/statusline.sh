#!/bin/bash
# A status line: the session's name for people, found by its client id.
id=$(jq -r '.session_id // ""')
name=$(agent-event-bus-cli sessions 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g' |
  grep -B2 "client_id: $id" | head -1 | awk '{print $1}')
printf '[%s]' "${name:-no-session}"
