#!/bin/bash
# Builds images of the real RabbitMQ and Elasticsearch from Debian packages and a Maven artifact,
# for machines that cannot pull from a container registry. Prints the settings for the tests:
#
#	eval "$(tests/stack/images/build.sh)"
#
# BASE is the name of the image to build on. The default is debian:bookworm-slim if it is present,
# otherwise one that this script builds with debootstrap (as root). An image that is up to date is
# not built again.
set -euo pipefail
cd "$(dirname "$0")"
exec 3>&1 1>&2 # only the last two lines go to stdout
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

need() { # command, its Debian package
	command -v "$1" > /dev/null || fail "$1 is missing: apt-get install $2"
}

present() { docker image inspect "$1" > /dev/null 2>&1; }

# build builds an image from a directory, to which a command adds files that are not in the
# repository. A label of the image has a hash of all its inputs.
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
	# The host's network, since the bridge may have no route out. The host's proxies, which do not
	# become part of the image.
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

# make_base builds a minimal Debian image if that is the base and it is not present.
make_base() {
	if [ "$base" != $OWN_BASE ] || present "$base"; then return; fi
	need debootstrap debootstrap
	[ "$(id -u)" = 0 ] || fail "debootstrap must run as root, or set BASE to a Debian $SUITE image that is present"
	echo "$base: building"
	local root=$work/root mirror
	mirror=$(host_sources | awk -v suite=$SUITE '$2 == suite { print $1; exit }')
	# Without a mirror debootstrap uses Debian's.
	debootstrap --variant=minbase $SUITE "$root" ${mirror:+"$mirror"} > "$work/debootstrap.log" 2>&1 ||
		fail "debootstrap: $(tail -n 1 "$work/debootstrap.log")"
	like_host "$root"
	tar -C "$root" -c . | docker import - "$base"
	rm -rf "$root"
}

# like_host makes apt in a new Debian use the host's mirrors and proxies.
like_host() { # directory
	if [ -n "$(host_sources)" ]; then
		host_sources | sed 's/^/deb /; s/$/ main/' > "$1/etc/apt/sources.list"
	fi
	if command -v apt-config > /dev/null; then
		apt-config dump | grep -E '^Acquire::(http|https|Check)' > "$1/etc/apt/apt.conf.d/99host" || true
	fi
}

# host_sources prints mirror and suite of each Debian source of this release on the host. It prints
# nothing on a host without apt.
host_sources() {
	command -v apt-get > /dev/null || return 0
	# shellcheck disable=SC2016 # apt expands them
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		grep -E " $SUITE(-updates|-security)?$" | sort -u || true
}

main
