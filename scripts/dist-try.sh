#!/bin/sh
# Runs the static binary in root file systems of other releases, as root and as an ordinary user: detonate, verify, doctor.
#   sudo scripts/dist-try.sh BINARY ROOT…       (a ROOT is a folder that debootstrap made)
set -eu
if [ $# -lt 2 ]; then
    echo "usage: scripts/dist-try.sh BINARY ROOT…" >&2
    exit 2
fi
binary="$(realpath "$1")"
shift
failed=0
for root in "$@"; do
    # pivot_root and not chroot, in which no user namespace can be made
    unshare --mount --propagation private sh -eu -c '
        root="$1"
        mount --bind "$root" "$root"
        for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        install -m 755 "$2" "$root/tmp/detektr"
        mkdir -p "$root/tmp/old"
        cd "$root"
        pivot_root . tmp/old
        cd /
        umount -l /tmp/old
        . /etc/os-release
        try() {
            "$@" >/tmp/said 2>&1 && return 0
            echo "$PRETTY_NAME: failed: $*" >&2
            tail -5 /tmp/said >&2
            return 1
        }
        export DETEKTR_HOME=/tmp/root-home
        try /tmp/detektr detonate -- sh -c "id; ls /etc >/dev/null; exec cat /etc/os-release"
        try /tmp/detektr verify last
        try /tmp/detektr pattern run cron-job
        as_user() { try env DETEKTR_HOME=/tmp/user-home setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
        mkdir -m 777 /tmp/user-home
        as_user /tmp/detektr detonate -- sh -c "id; exec cat /etc/os-release"
        as_user /tmp/detektr verify last
        try /tmp/detektr doctor
        echo "$PRETTY_NAME: works, as root and as an ordinary user"
    ' sh "$root" "$binary" || failed=1
done
exit "$failed"
