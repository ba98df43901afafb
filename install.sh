#!/bin/sh
# Builds agent-event-bus from these sources and installs it; --help says more.
set -eu

case $0 in
  */*) folder=${0%/*} ;;
  *) folder=. ;;
esac
root=$(CDPATH='' cd -- "${folder:-/}" && pwd -P)
program=$root/dist/agent-event-bus

say() {
  printf 'install.sh: %s\n' "$1" >&2
}

fail() {
  say "$1"
  exit "${2:-1}"
}

help() {
  cat <<'END'
Builds agent-event-bus from these sources and installs it. Safe to run again: it then updates, or changes nothing.

Usage: ./install.sh [server] [flags]           the bus runs on this machine
       ./install.sh client --url URL [flags]   the bus runs on another one

The flags go to `agent-event-bus install` as they are:
  --host TEXT    server: address to listen on (or HOST=… ./install.sh)
  --port N       server: port to listen on (or PORT=… ./install.sh)
  --no-service   server: install no service
  --url TEXT     client: the bus, e.g. http://my-server:8080/mcp
  --token TEXT   client: its token; - reads it from stdin
  --no-hooks     leave Claude Code's hooks alone, and put in no plugin
  --hooks-only   use hooks of Claude Code, even if it could load the plugin
  --no-allow     leave the permissions of Claude Code alone
  --no-mcp       do not register the MCP server with Claude Code
  --dry-run      show what would be done, change nothing outside this folder
  --yes, -y      do not ask first
  --json         print one JSON document
  --color WHEN   auto, always or never

It needs Node 20 or newer, or Bun. The version of Bun that builds is fetched into this folder when it is not there.
To check an installation: agent-event-bus doctor. To take it away: agent-event-bus uninstall.
END
}

# Prints what can run build/bun.mjs.
find_runtime() {
  old=
  if version=$(node --version 2>/dev/null </dev/null); then
    major=${version#v}
    case ${major%%.*} in
      '' | *[!0-9]*) ;;
      *) [ "${major%%.*}" -lt 20 ] || { echo node && return; } ;;
    esac
    old="the Node here is $version; "
  fi
  for bun in bun "${HOME:-}/.bun/bin/bun"; do
    if "$bun" --version >/dev/null 2>&1 </dev/null; then echo "$bun" && return; fi
  done
  say "${old}Node 20 or newer, or Bun, is needed to build."
  fail "Install one (https://nodejs.org or https://bun.sh), then run this again. Or copy a built agent-event-bus here and run: ./agent-event-bus install server"
}

case ${1-} in
  -h | --help | help) help && exit 0 ;;
  server | client) ;;
  -* | '') set -- server "$@" ;;
  *) fail "There is no \"$1\" to install: server or client. ./install.sh --help says more." 64 ;;
esac

[ -f "$root/build/bun.mjs" ] ||
  fail "The sources are not beside this script. Run it from a clone of the repository: ./install.sh"
runtime=$(find_runtime)
say "building"
# In its own folder: the settings of the folder that it is called from are not meant for it.
(cd -- "$root" && "$runtime" build/bun.mjs build/binary.ts) </dev/null >&2 ||
  fail "The build failed, nothing is installed. The lines above say why."
"$program" --version >/dev/null </dev/null ||
  fail "$program was built but does not run here; nothing is installed."

exec "$program" install "$@"
