#!/bin/sh
# One static binary for x86-64, with what belongs beside it, as dist/detektr-VERSION-x86_64-linux.tar.gz:
# manual pages, completions, licences of all that is linked in, a bill of materials (CycloneDX), and a checksum.
# Run it from the top of the repository, as the Makefile does.
set -eu
target=x86_64-unknown-linux-gnu
build="${CARGO_TARGET_DIR:-target}"
bound=$((40 * 1024 * 1024))

# A static glibc is part of libc6-dev; -C target-feature reaches the target alone, as one is named.
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" cargo build --release --locked --target "$target" --package detektr
binary="$build/$target/release/detektr"

headers="$(readelf --program-headers --wide "$binary")"
if echo "$headers" | grep -q INTERP; then
    echo "dist: $binary is not static" >&2
    exit 1
fi
size="$(stat -c %s "$binary")"
if [ "$size" -ge "$bound" ]; then
    echo "dist: $binary has $size bytes, more than $bound" >&2
    exit 1
fi

version="$("$binary" --version)"
version="${version#* }"
name="detektr-$version-x86_64-linux"
rm -rf "dist/$name"
mkdir -p "dist/$name/completions"
cp "$binary" README.md CHANGELOG.md LICENSE "dist/$name/"
"$binary" man "dist/$name/man/man1" >/dev/null
for shell in bash zsh fish; do "$binary" completions "$shell" >"dist/$name/completions/detektr.$shell"; done
cargo run --quiet --locked --package xtask -- licences "dist/$name/THIRD-PARTY-LICENSES.txt"

# the tool writes beside every manifest; only the binary's own is kept
trap 'find . -path ./target -prune -o -name detektr-bom.json -exec rm {} +' EXIT
PATH="$PWD/target/dist-tools/bin:$PATH" cargo cyclonedx --quiet --manifest-path crates/detektr/Cargo.toml \
    --format json --spec-version 1.5 --target "$target" --override-filename detektr-bom
# where it was built is nobody's business, and the same everywhere
sed "s|file://$PWD|file:///detektr|g" crates/detektr/detektr-bom.json >"dist/$name/detektr.cdx.json"

# the same content gives the same archive
stamp="$(git log -1 --format=%ct 2>/dev/null || echo 0)"
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" --directory dist \
    --file "dist/$name.tar" "$name"
gzip --no-name --best --force "dist/$name.tar"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "dist: dist/$name.tar.gz, the binary has $((size / 1024)) KiB"
