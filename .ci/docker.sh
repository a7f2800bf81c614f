#!/bin/bash
# Makes a bare Debian machine able to run the tests against the real servers in Docker, without
# pulling from a container registry: installs what is missing, starts a Docker daemon where none
# answers, and builds the images. Must run as root. Prints what to tell the tests:
#
#	eval "$(.ci/docker.sh)"
#	.ci/docker.sh stop      # stops the daemon, if it is one that this script started
set -euo pipefail
cd "$(dirname "$0")/.."
exec 3>&1 1>&2 # only the lines for eval are for stdout

readonly STATE=${TMPDIR:-/tmp}/gostore-docker
readonly PATIENCE=60 # seconds for the daemon to come up or go down

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
		echo "export TESTCONTAINERS_RYUK_DISABLED=true" # its image is one that would have to be pulled
		# testcontainers takes /.dockerenv to mean that containers are next door, not on this machine.
		if [ -e /.dockerenv ]; then echo "export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"; fi
	} >&3
}

answers() { docker info > /dev/null 2>&1; }

install_missing() {
	local packages=()
	# A docker command may be there without an engine, and an engine on another machine without dockerd here.
	if ! answers; then
		command -v dockerd > /dev/null || packages+=(docker.io)
		command -v iptables > /dev/null || packages+=(iptables)
	fi
	command -v mvn > /dev/null || packages+=(maven)
	command -v java > /dev/null || packages+=(default-jre-headless)
	command -v debootstrap > /dev/null || packages+=(debootstrap)
	if [ ${#packages[@]} -eq 0 ]; then return; fi
	echo "installing ${packages[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
}

# start_daemon starts one that outlives this script and holds none of its files open, or else
# eval "$(…)" would wait for it.
start_daemon() {
	mkdir -p "$STATE"
	setsid nohup dockerd --pidfile "$STATE/dockerd.pid" < /dev/null > "$STATE/dockerd.log" 2>&1 3>&- &
	local deadline=$((SECONDS + PATIENCE))
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
	# The number may be another process's by now.
	if [ -z "$pid" ] || [ "$(cat "/proc/$pid/comm" 2> /dev/null)" != dockerd ]; then
		echo "no daemon of ours runs"
		return
	fi
	kill "$pid"
	local deadline=$((SECONDS + PATIENCE))
	while kill -0 "$pid" 2> /dev/null; do
		[ $SECONDS -lt $deadline ] || fail "the Docker daemon, process $pid, does not stop"
		sleep 0.2
	done
}

main "$@"
