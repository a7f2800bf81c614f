#!/usr/bin/env bash
# Builds this chapter and runs it until Ctrl-C: first RabbitMQ and Elasticsearch, if it needs them
# (those that RABBITMQ_SERVER and ES_SERVER name, otherwise embedded ones; STACK=docker: the real
# ones in containers), then its services. startup.sh -h lists the options.
set -eu
chapter=$(cd "$(dirname "$0")/.." && pwd)
command -v go >/dev/null || { echo "error: there is no go command: install Go first" >&2; exit 1; }
cd "$chapter/.." && go build -o .build/startup ./tests/cmd/startup && cd "$OLDPWD"
exec "$chapter/../.build/startup" -chapter "$chapter" "$@"
