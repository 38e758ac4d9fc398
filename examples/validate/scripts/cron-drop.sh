#!/bin/sh
# Emulates the installing of a cron job, harmlessly: the job only writes a line to a log.
set -e
mkdir -p /etc/cron.d
echo '*/5 * * * * root /bin/echo checked >>/var/log/upd.log' >/etc/cron.d/upd
