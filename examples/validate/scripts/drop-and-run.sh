#!/bin/sh
# Emulates a dropper, harmlessly: a program is put into /tmp, made executable and run.
set -e
cp /bin/true /tmp/x
chmod 755 /tmp/x
/tmp/x
