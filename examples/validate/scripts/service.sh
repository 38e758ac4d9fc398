#!/bin/sh
# Stands for the service that must go on working: it keeps its state in a file and answers from it.
set -e
state="$HOME/state"
echo ready >"$state"
test "$(cat "$state")" = ready
sort /etc/passwd | head -n 1 >"$state.sorted"
echo served
