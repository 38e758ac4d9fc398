#!/bin/sh
# What must not be reported: a service that keeps its own state.
mkdir -p /var/tmp/service
echo state >/var/tmp/service/state
cat /var/tmp/service/state
