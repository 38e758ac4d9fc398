#!/bin/sh
# Runs every test of the workspace and says at the end how many could not do their work on this machine.
set -u
cd "$(dirname "$0")/.."
mkdir -p target
log=target/test.log
status=target/test.status
: >"$log"
{
    cargo test --workspace --no-fail-fast -- --show-output
    echo $? >"$status"
} 2>&1 | tee "$log"
skipped="$(grep -c '^skipped: ' "$log")"
echo
echo "tests that skipped themselves: $skipped"
grep '^skipped: ' "$log" | sort | uniq -c | sort -rn
exit "$(cat "$status")"
