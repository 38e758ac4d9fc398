#!/bin/sh
# What an administrator does around cron without installing anything.
set -e
ls -l /etc | grep cron || true
date >>"$HOME/rounds.log"
tail -n 1 "$HOME/rounds.log"
