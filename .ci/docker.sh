#!/bin/bash
# Prepares a bare Debian machine for the tests against the real servers in Docker, without pulling
# from a container registry: installs missing packages, starts a Docker daemon if none answers, and
# builds the images. Must run as root. Prints the settings for the tests:
#
#	eval "$(.ci/docker.sh)"
#	.ci/docker.sh stop      # stops the daemon, if this script started it
set -euo pipefail
cd "$(dirname "$0")/.."
exec 3>&1 1>&2 # only the lines for eval are for stdout

readonly STATE=${TMPDIR:-/tmp}/gostore-docker
readonly DAEMON_TIMEOUT=60 # seconds for the daemon to come up or go down

main() {
	case "${1:-start}" in
	start) start ;;
	stop) stop ;;
	*) fail "usage: $0 [start|stop]" ;;
	esac
}

fail() {
	echo "error: $*" >&2
	exit 1
}

start() {
	[ "$(id -u)" = 0 ] || fail "$0 must run as root"
	export PATH=$PATH:/usr/sbin:/sbin
	install_missing
	answers || start_daemon
	local images
	images=$(tests/stack/images/build.sh)
	{
		echo "$images"
		echo "export TESTCONTAINERS_RYUK_DISABLED=true" # its image would have to be pulled
		# If /.dockerenv exists, testcontainers expects containers on another host, not on this
		# machine.
		if [ -e /.dockerenv ]; then echo "export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"; fi
	} >&3
}

answers() { docker info > /dev/null 2>&1; }

install_missing() {
	local packages=()
	# There may be a docker command without a daemon, and a daemon on another machine without
	# dockerd here.
	if ! answers; then
		command -v dockerd > /dev/null || packages+=(docker.io)
		command -v iptables > /dev/null || packages+=(iptables)
	fi
	command -v mvn > /dev/null || packages+=(maven)
	command -v java > /dev/null || packages+=(default-jre-headless)
	command -v debootstrap > /dev/null || packages+=(debootstrap)
	docker compose version > /dev/null 2>&1 || command -v docker-compose > /dev/null || packages+=(docker-compose)
	if [ ${#packages[@]} -eq 0 ]; then return; fi
	echo "installing ${packages[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
}

# start_daemon starts a daemon that outlives this script. It must not inherit open files, or eval
# "$(…)" would wait for its end.
start_daemon() {
	mkdir -p "$STATE"
	setsid nohup dockerd --pidfile "$STATE/dockerd.pid" < /dev/null > "$STATE/dockerd.log" 2>&1 3>&- &
	local deadline=$((SECONDS + DAEMON_TIMEOUT))
	until answers; do
		if ! kill -0 $! 2> /dev/null || [ $SECONDS -ge $deadline ]; then
			tail -n 20 "$STATE/dockerd.log"
			fail "the Docker daemon did not start; see $STATE/dockerd.log"
		fi
		sleep 0.2
	done
	echo "started dockerd, process $!, log in $STATE/dockerd.log"
}

stop() {
	local pid
	pid=$(cat "$STATE/dockerd.pid" 2> /dev/null) || true
	# The process id may have been reused.
	if [ -z "$pid" ] || [ "$(cat "/proc/$pid/comm" 2> /dev/null)" != dockerd ]; then
		echo "this script has no daemon running"
		return
	fi
	kill "$pid"
	local deadline=$((SECONDS + DAEMON_TIMEOUT))
	while kill -0 "$pid" 2> /dev/null; do
		[ $SECONDS -lt $deadline ] || fail "the Docker daemon, process $pid, does not stop"
		sleep 0.2
	done
}

main "$@"
