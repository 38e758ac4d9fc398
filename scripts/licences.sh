#!/bin/sh
# Checks that every dependency may be used under a licence of deny.toml's list. A light stand-in for
# `cargo deny check licenses`: an expression passes if each of its `AND` parts offers an allowed licence.
set -eu
cd "$(dirname "$0")/.."
allowed="$(sed -n '/^allow = \[/,/^\]/s/^ *"\(.*\)",*$/\1/p' deny.toml)"
cargo tree --workspace --locked --prefix none --edges normal,build,dev --format '{l}	{p}' | sort -u |
    awk -F '\t' -v allowed="$allowed" '
        BEGIN { count = split(allowed, list, "\n"); for (i = 1; i <= count; i++) ok[list[i]] = 1 }
        NF {
            sub(/ \(\*\)$/, "", $2)
            expression = $1
            gsub(/[()]/, "", expression)
            gsub(/ *\/ */, " OR ", expression)
            good = expression != ""
            parts = split(expression, part, / AND /)
            for (i = 1; i <= parts; i++) {
                any = 0
                choices = split(part[i], choice, / OR /)
                for (j = 1; j <= choices; j++) if (choice[j] in ok) any = 1
                if (!any) good = 0
            }
            seen++
            if (!good) { print "not allowed: " $2 " is under \"" $1 "\""; bad = 1 }
        }
        END { if (!bad) print seen " packages, each under an allowed licence"; exit bad }
    '
