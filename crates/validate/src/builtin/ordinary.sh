#!/bin/sh
# Ordinary programs at ordinary work: what a detection must not fire on. Each is run where it is there, and whether it
# succeeds is its own affair. Nothing leaves the work folder, and nothing here is meant to look like an attack.
LC_ALL=C
export LC_ALL
work="$HOME/ordinary"
mkdir -p "$work" && cd "$work" || exit 1

# runs a program, if there is one of that name
try() {
    if command -v "$1" >/dev/null 2>&1; then "$@" >>out.txt 2>&1 </dev/null; fi
    return 0
}

# the shell itself, and files
i=0
while [ "$i" -lt 40 ]; do
    echo "line $i of some text, with words and 12$i numbers"
    i=$((i + 1))
done >text.txt
try date -u +%Y
try hostname
try pwd
try printenv HOME
try env true
try sleep 0
try expr 6 '*' 7
try seq 1 5
try printf '%s\n' a b c
try basename "$work/text.txt"
try dirname "$work/text.txt"
try realpath text.txt
try stat text.txt
try ls -l .
try cp text.txt copy.txt
try mv copy.txt moved.txt
try ln -s text.txt link
try readlink link
try ln moved.txt hard.txt
try mkdir -p tree/a tree/b
try touch tree/a/one tree/b/two
try chmod 640 moved.txt
try install -m 644 text.txt tree/installed.txt
try mktemp "$work/tmp.XXXXXX"
try du -s .
try df .
try test -f text.txt
try rm hard.txt
try rmdir nothing-here

# text
try cat text.txt
try head -n 3 text.txt
try tail -n 3 text.txt
try wc text.txt
try sort -r text.txt -o sorted.txt
try uniq sorted.txt
try cut -d ' ' -f 2 text.txt
try paste text.txt sorted.txt
try comm sorted.txt sorted.txt
try join sorted.txt sorted.txt
try nl text.txt
try fold -w 20 text.txt
try split -l 20 text.txt part.
try cmp text.txt moved.txt
try diff text.txt sorted.txt
try grep -c words text.txt
try sed -e 's/words/phrases/' text.txt
try awk '{ n += NF } END { print n }' text.txt
try od -c text.txt
try md5sum text.txt
try sha256sum text.txt
try file text.txt
tr a-z A-Z <text.txt >upper.txt
tee second.txt <text.txt >/dev/null
sort text.txt | uniq -c | sort -rn | head -n 3 >counted.txt
find . -type f -name '*.txt' -print | xargs wc -l >lines.txt

# archives
try tar -cf tree.tar tree text.txt
try tar -tf tree.tar
mkdir -p unpacked && try tar -xf tree.tar -C unpacked
try gzip -k text.txt
try gzip -t text.txt.gz
try bzip2 -k text.txt
try xz -k text.txt
try zstd -q -k text.txt
try zip -q tree.zip text.txt
try cpio --version

# building
cat >main.c <<'END'
#include <stdio.h>
int main(void) { puts("built"); return 0; }
END
printf 'prog: main.c\n\tcc -o prog main.c\n' >Makefile
try make -s
if [ -x ./prog ]; then ./prog >>out.txt 2>&1; fi
try perl -e 'print join(",", sort map { $_ * 2 } 1 .. 5), "\n"'
try python3 -c 'import json, pathlib; pathlib.Path("data.json").write_text(json.dumps({"a": [1, 2]}))'
try sqlite3 data.db 'create table t(a); insert into t values (1); select * from t;'

# a repository, made, committed to and cloned
GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE
try git init -q repo
if [ -d repo ]; then
    cp text.txt repo/
    try git -C repo add text.txt
    try git -C repo commit -q -m first
    try git -C repo log --oneline
    try git clone -q repo clone
fi

# looking at the system as a person or a script does
try uname -m
try id -u
try uptime
try free
try ps
try getent passwd root
try bash -c 'for f in *.txt; do : "$f"; done'

cd "$HOME" && rm -r "$work"
exit 0
