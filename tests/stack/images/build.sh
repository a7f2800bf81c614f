#!/bin/bash
# Builds images of the real RabbitMQ and the real Elasticsearch from package archives, Debian's and
# Maven's, for machines that cannot pull from a container registry. Prints what to tell the tests:
#
#	eval "$(tests/stack/images/build.sh)"
#
# BASE names the image to build on, by default debian:bookworm-slim if it is there, else one that is
# made here with debootstrap (as root). Does nothing about an image that is there and up to date.
set -euo pipefail
cd "$(dirname "$0")"
exec 3>&1 1>&2 # only the last lines are for stdout
PATH=$PATH:/usr/sbin:/sbin # where debootstrap is

readonly RABBITMQ_NAME=gostore/rabbitmq:3.10
readonly ES_VERSION=7.17.28
readonly ES_NAME=gostore/elasticsearch:$ES_VERSION
readonly SUITE=bookworm
readonly OWN_BASE=gostore/debian:$SUITE

main() {
	docker info > /dev/null 2>&1 || fail "no Docker daemon answers"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	base=${BASE:-$(present debian:$SUITE-slim && echo debian:$SUITE-slim || echo $OWN_BASE)}
	build $RABBITMQ_NAME rabbitmq true
	build $ES_NAME elasticsearch add_elasticsearch
	echo "export RABBITMQ_IMAGE=$RABBITMQ_NAME" >&3
	echo "export ES_IMAGE=$ES_NAME" >&3
}

fail() {
	echo "error: $*" >&2
	exit 1
}

need() { # command, Debian package that has it
	command -v "$1" > /dev/null || fail "$1 is missing: apt-get install $2"
}

present() { docker image inspect "$1" > /dev/null 2>&1; }

# build makes the image of a name from a directory, to which a command adds what is not in the
# repository. The image carries a hash of all that went into it.
build() { # name, directory, command
	local inputs
	inputs=$({ echo "$1 $base" && sha256sum "$2"/*; } | sha256sum | cut -d' ' -f1)
	if [ "$(docker image inspect -f '{{index .Config.Labels "gostore.inputs"}}' "$1" 2> /dev/null)" = "$inputs" ]; then
		echo "$1: up to date"
		return
	fi
	make_base
	echo "$1: building on $base"
	cp -r "$2" "$work/$2"
	"$3" "$work/$2"
	# The host's network: the bridge may have no way out. The host's proxies: they are no part of the image.
	local options=(--network=host --build-arg "BASE=$base" --label "gostore.inputs=$inputs")
	local proxy
	for proxy in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		if [ -n "${!proxy:-}" ]; then options+=(--build-arg "$proxy"); fi
	done
	docker build -q "${options[@]}" -t "$1" "$work/$2" || fail "$1 was not built"
}

add_elasticsearch() { # directory
	need mvn maven
	mvn -q -B dependency:copy -Dmdep.stripVersion=true -DoutputDirectory="$1" \
		-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$ES_VERSION:zip ||
		fail "Maven cannot get Elasticsearch $ES_VERSION"
}

# make_base makes a minimal Debian if the base is to be our own and is not there.
make_base() {
	if [ "$base" != $OWN_BASE ] || present "$base"; then return; fi
	need debootstrap debootstrap
	[ "$(id -u)" = 0 ] || fail "debootstrap must run as root, or set BASE to a Debian $SUITE image that is there"
	echo "$base: building"
	local root=$work/root mirror
	mirror=$(host_sources | awk -v suite=$SUITE '$2 == suite { print $1; exit }')
	# Without a mirror it takes Debian's own.
	debootstrap --variant=minbase $SUITE "$root" ${mirror:+"$mirror"} > "$work/debootstrap.log" 2>&1 ||
		fail "debootstrap: $(tail -n 1 "$work/debootstrap.log")"
	like_host "$root"
	tar -C "$root" -c . | docker import - "$base"
	rm -rf "$root"
}

# like_host makes apt in a new Debian go where the host's apt goes: same mirrors, same proxies.
like_host() { # directory
	if [ -n "$(host_sources)" ]; then
		host_sources | sed 's/^/deb /; s/$/ main/' > "$1/etc/apt/sources.list"
	fi
	if command -v apt-config > /dev/null; then
		apt-config dump | grep -E '^Acquire::(http|https|Check)' > "$1/etc/apt/apt.conf.d/99host" || true
	fi
}

# host_sources prints the mirror and the name of each of Debian's suites that the host takes of this
# release; nothing on a host that is none.
host_sources() {
	command -v apt-get > /dev/null || return 0
	# shellcheck disable=SC2016 # they are for apt to expand
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		grep -E " $SUITE(-updates|-security)?$" | sort -u || true
}

main
