#!/bin/sh
# Turns the environment of the official image into configuration, then becomes the server.
set -eu

{
	if [ -n "${RABBITMQ_DEFAULT_USER:-}" ]; then echo "default_user = $RABBITMQ_DEFAULT_USER"; fi
	if [ -n "${RABBITMQ_DEFAULT_PASS:-}" ]; then echo "default_pass = $RABBITMQ_DEFAULT_PASS"; fi
	if [ -n "${RABBITMQ_DEFAULT_VHOST:-}" ]; then echo "default_vhost = $RABBITMQ_DEFAULT_VHOST"; fi
} > /etc/rabbitmq/conf.d/10-defaults.conf

# Not Debian's wrapper in /usr/sbin, which sends what the server prints to a file.
exec /usr/lib/rabbitmq/bin/rabbitmq-server
