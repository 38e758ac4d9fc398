#!/bin/sh
# Ordinary work of a service and its administrator: programs run, files are read, written, moved and removed below
# the home and the temporary folder, processes are started and waited for, and a local connection is refused.
set -e
work="$HOME/work"
mkdir -p "$work"
date >"$work/started"
id >"$work/who"
uname -s >>"$work/who"
sort /etc/passwd >"$work/users"
grep -c . "$work/users" >"$work/count"
cp "$work/users" "$work/users.bak"
mv "$work/users.bak" "$work/users.old"
chmod 600 "$work/users.old"
ln -s users "$work/link"
cat "$work/link" >/dev/null
scratch="${TMPDIR:-/tmp}/smoke.$$"
echo scratch >"$scratch"
wc -c <"$scratch" >/dev/null
rm "$scratch"
ls -l /etc >"$work/listing"
find "$work" -type f | head -n 20 >"$work/found"
tail -n 1 "$work/listing" >/dev/null
(sleep 0 && true) &
wait
rm -r "$work"
