#!/usr/bin/env bash
# Starts this chapter: builds it, brings up the servers that it needs (those that RABBITMQ_SERVER and
# ES_SERVER name, else embedded ones; STACK=docker takes real ones), starts its services and takes
# everything down on Ctrl-C. startup.sh -h lists what can be changed.
set -eu
chapter=$(cd "$(dirname "$0")/.." && pwd)
command -v go >/dev/null || { echo "error: there is no go command: install Go first" >&2; exit 1; }
cd "$chapter/.." && go build -o .build/startup ./tests/cmd/startup && cd "$OLDPWD"
exec "$chapter/../.build/startup" -chapter "$chapter" "$@"
