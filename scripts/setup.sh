#!/bin/sh
# Installs what a task of the Makefile needs and this machine lacks, by Debian package; says what it does.
#   scripts/setup.sh demo|test|bench|dist
# Run it from the top of the repository, as the Makefile does.
# It uses apt-get only where something is missing, as root or through sudo. Where it can't, it says what is
# missing; that stops `demo`, while tests that need the missing thing skip themselves and say so.
set -eu
task="${1:?usage: setup.sh demo|test|bench}"
missing=""

need() { # COMMAND PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_package() { # FILE PACKAGE
    [ -e "$1" ] || missing="$missing $2"
}

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: cargo is missing; install Rust from https://rustup.rs (1.95 or newer)" >&2
    exit 1
fi
need cc gcc
case "$task" in
demo) ;;
test)
    need clang clang
    need g++ g++
    need llvm-strip llvm
    need_package /usr/include/bpf/bpf_helpers.h libbpf-dev
    need bpftool bpftool
    need qemu-system-x86_64 qemu-system-x86
    need_package /usr/lib/gcc/x86_64-linux-gnu/12/32/libgcc.a gcc-multilib
    need strace strace
    need python3 python3
    # the program, not the shell's own word
    need_package /usr/bin/kill procps
    need curl curl
    need dig bind9-dnsutils
    need ip iproute2
    # its service is not enabled by the package: the host's own rules stay as they are
    need nft nftables
    need ping iputils-ping
    need tshark tshark
    need newuidmap uidmap
    need chromium chromium
    need npm npm
    need git git
    need sudo sudo
    need aide aide
    need inotifywait inotify-tools
    need pip3 python3-pip
    # servers that a test runs for a moment: only where installing one does not start it, as Debian's own script says
    if [ -x /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d cron start >/dev/null 2>&1; then
        need cron cron
        need sshd openssh-server
        # the scanner comes with a service that fetches signatures; ours are the tests' own
        need clamscan clamav
    fi
    ;;
bench)
    need bwrap bubblewrap
    need strace strace
    need runsc runsc
    need curl curl
    need ip iproute2
    need inetsim inetsim
    need chromium chromium
    ;;
dist)
    need readelf binutils
    need_package /usr/lib/x86_64-linux-gnu/libc.a libc6-dev
    ;;
*)
    echo "setup: unknown task $task" >&2
    exit 2
    ;;
esac

# gcc-multilib of another release keeps its libraries elsewhere.
case "$missing" in
*gcc-multilib*)
    if ls /usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a >/dev/null 2>&1; then
        missing="$(echo "$missing" | sed 's/ gcc-multilib//')"
    fi
    ;;
esac

# The peer for Sigma comes from the Rust registry; it is built once, below target/.
rsigma=target/bench-tools/bin/rsigma
if [ "$task" = bench ] && [ ! -x "$rsigma" ]; then
    echo "setup: building rsigma 0.23.0 from the registry into target/bench-tools (a quarter of an hour on two cores)"
    cargo install rsigma --version 0.23.0 --locked --quiet --root target/bench-tools ||
        echo "setup: rsigma could not be built; the row that needs it will be left out" >&2
fi

# What writes the bill of materials comes from the Rust registry too.
if [ "$task" = dist ] && ! [ -x target/dist-tools/bin/cargo-cyclonedx ]; then
    echo "setup: building cargo-cyclonedx 0.5.9 from the registry into target/dist-tools (some minutes)"
    cargo install cargo-cyclonedx --version 0.5.9 --locked --quiet --root target/dist-tools || {
        echo "setup: cargo-cyclonedx could not be built" >&2
        exit 1
    }
fi

# A web server to measure against: unpacked only, since an installed one would start, now and at every boot.
nginx=target/bench-tools/nginx
if [ "$task" = bench ] && ! command -v nginx >/dev/null 2>&1 && [ ! -x "$nginx/usr/sbin/nginx" ]; then
    echo "setup: unpacking the package nginx into $nginx"
    mkdir -p "$nginx"
    (cd "$nginx" && apt-get download -q nginx >/dev/null 2>&1 && dpkg-deb -x nginx_*.deb . && rm nginx_*.deb) ||
        echo "setup: nginx could not be had; the rows that need it will be left out" >&2
fi

# What looks for barriers in the report's page comes from the npm registry, as its lock file says.
barriers() {
    page=crates/detektr/tests/report/npm
    [ "$task" = test ] && [ ! -e "$page/node_modules/axe-core/axe.min.js" ] || return 0
    echo "setup: installing axe-core from the npm registry into $page/node_modules"
    npm ci --prefix "$page" --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 ||
        echo "setup: axe-core could not be installed; the tests that need it will skip themselves" >&2
}

# What holds pipelines' files to their schemas comes from the Python registry, the schema of SARIF inside a crate.
schemas() {
    tools=target/test-tools
    [ "$task" = test ] || return 0
    if [ ! -d "$tools/python/check_jsonschema" ]; then
        echo "setup: installing check-jsonschema from the Python registry into $tools/python"
        pip3 install --quiet --disable-pip-version-check --target "$tools/python" check-jsonschema==0.39.0 >/dev/null 2>&1 ||
            echo "setup: check-jsonschema could not be installed; the tests that need it will skip themselves" >&2
    fi
    if [ ! -e "$tools/sarif/schema.json" ]; then
        echo "setup: fetching the schema of SARIF from the Rust registry into $tools/sarif"
        mkdir -p "$tools/sarif/src"
        : >"$tools/sarif/src/lib.rs"
        printf '[package]\nname = "sarif-schema"\nversion = "0.0.0"\n[workspace]\n[dependencies]\nserde-sarif = { version = "=0.8.0", default-features = false }\n' \
            >"$tools/sarif/Cargo.toml"
        crate="$(cargo metadata --quiet --format-version 1 --manifest-path "$tools/sarif/Cargo.toml" 2>/dev/null |
            sed -n 's|.*"manifest_path":"\([^"]*serde-sarif-0\.8\.0\)/Cargo\.toml".*|\1|p')"
        [ -n "$crate" ] && cp "$crate/src/schema.json" "$tools/sarif/schema.json" ||
            echo "setup: the schema of SARIF could not be fetched; the tests that need it will skip themselves" >&2
    fi
}

if [ -z "$missing" ]; then
    barriers
    schemas
    echo "setup: everything for '$task' is here"
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    root="sudo"
else
    root="none"
fi
failed=""
if [ "$root" = none ] || ! command -v apt-get >/dev/null 2>&1; then
    failed="$missing"
else
    echo "setup: installing$missing with apt-get"
    $root apt-get update -q >/dev/null 2>&1 || echo "setup: apt-get update failed; trying with the lists that are here"
    for package in $missing; do
        DEBIAN_FRONTEND=noninteractive $root apt-get install -yq --no-install-recommends "$package" >/dev/null 2>&1 ||
            failed="$failed $package"
    done
fi
if [ -n "$failed" ]; then
    echo "setup: missing and not installed here:$failed" >&2
    case " $failed " in
    *" gcc "*) exit 1 ;;
    esac
    case "$task" in
    test) echo "setup: tests that need them will skip themselves" >&2 ;;
    bench) echo "setup: rows that need them will be left out (runsc: see https://gvisor.dev/docs/user_guide/install/)" >&2 ;;
    esac
fi
barriers
schemas
