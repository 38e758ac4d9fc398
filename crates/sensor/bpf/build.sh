#!/bin/sh
# Compiles the programs; needs clang, llvm-strip and libbpf's headers (Debian: clang llvm libbpf-dev).
set -eu
cd "$(dirname "$0")"
out="${1:-detektr.bpf.o}"
clang -O2 -g -target bpf -mcpu=v3 -Wall -Wno-unused-function -fdebug-prefix-map="$PWD"=. -c detektr.bpf.c -o "$out"
llvm-strip -g "$out"
