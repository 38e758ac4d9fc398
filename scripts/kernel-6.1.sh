#!/bin/sh
# Fetches Debian 12's kernel into target/kernel-6.1 and prints the path of its image. Its modules for AF_VSOCK lie
# beneath the same folder.
# Needs apt-get (with Debian 12's archive) and dpkg-deb.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
dir="${1:-$root/target/kernel-6.1}"
mkdir -p "$dir"
image() { find "$dir/boot" -name 'vmlinuz-6.1.*' 2>/dev/null | sort | tail -n 1; }
modules() { find "$dir" -name vsock_loopback.ko; }
if [ -z "$(image)" ] || [ -z "$(modules)" ]; then
    package="$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: *\(linux-image-6\.1\.[^ ]*\)$/\1/p' | head -n 1)"
    if [ -z "$package" ]; then
        echo "no linux-image-6.1 in this host's package lists (apt-get update?)" >&2
        exit 1
    fi
    (cd "$dir" && apt-get download "$package" >&2)
    dpkg-deb --fsys-tarfile "$dir"/linux-image-6.1.*.deb | tar -x -C "$dir" --wildcards './boot/vmlinuz-*' '*/net/vmw_vsock/*.ko'
    rm -f "$dir"/linux-image-6.1.*.deb
fi
image
