#!/bin/sh
# Compiles the programs into the folder given; needs clang, llvm-strip and libbpf's headers (Debian: clang llvm
# libbpf-dev).
set -eu
cd "$(dirname "$0")"
out="${1:-.}"
for name in detektr refuse; do
    clang -O2 -g -target bpf -mcpu=v3 -Wall -Wno-unused-function -fdebug-prefix-map="$PWD"=. -c "$name.bpf.c" -o "$out/$name.bpf.o"
    llvm-strip -g "$out/$name.bpf.o"
done
