#!/bin/bash
# The table of docs/network.md: the same clients in Detektr's simulated internet, in INetSim's, and before a plain web server.
#   benches/internet/compare.sh [PATH OF detektr]
# Needs root, and the packages that `scripts/setup.sh bench` installs. INetSim and nginx run in network namespaces of their own,
# joined to the clients' by a veth pair and to nothing else; every address leads there, so that what answers only to its
# own is not at a disadvantage.
set -euo pipefail
cd "$(dirname "$0")"
detektr="$(realpath "${1:-../../target/release/detektr}")"
for needed in "$detektr" inetsim nginx dig curl wget python3 openssl nc ssh ping ip; do
    command -v "$needed" >/dev/null || { echo "compare: $needed is missing" >&2; exit 1; }
done
work="$(mktemp -d)"
near="detektr-near-$$" far="detektr-far-$$"
server=""
drop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    for one in "$near" "$far"; do
        # those who still live in it
        ip netns pids "$one" 2>/dev/null | xargs -r kill 2>/dev/null || true
        ip netns del "$one" 2>/dev/null || true
    done
    rm -rf "/etc/netns/$near"
    server=""
}
trap 'drop; rm -rf "$work"' EXIT

# Two namespaces: from the first, every address is in the second.
join() {
    ip netns add "$near"
    ip netns add "$far"
    ip -n "$near" link add eth0 type veth peer name eth0 netns "$far"
    for one in "$near" "$far"; do
        ip -n "$one" link set lo up
        ip -n "$one" link set eth0 up
    done
    ip -n "$near" addr add 10.99.0.2/24 dev eth0
    ip -n "$near" addr add fd99::2/64 dev eth0 nodad
    ip -n "$far" addr add 10.99.0.1/24 dev eth0
    ip -n "$far" addr add fd99::1/64 dev eth0 nodad
    ip -n "$near" route add default via 10.99.0.1
    ip -n "$near" route add default via fd99::1
    # IPv4 takes the longest prefix of all tables, IPv6 the first table that has any
    ip -n "$far" route add local default dev lo
    ip -n "$far" -6 rule add iif eth0 lookup 100
    ip -n "$far" -6 route add local default dev lo table 100
    mkdir -p "/etc/netns/$near"
    echo "nameserver 10.99.0.1" >"/etc/netns/$near/resolv.conf"
}

clients() { ip netns exec "$near" sh ./clients.sh; }

until_open() { # PORT: the server listens
    until ip netns exec "$far" ss -Hlnt "sport = :$1" | grep -q .; do
        kill -0 "$server" 2>/dev/null || { echo "compare: the server ended: $(tail -n 5 "$work/server.log")" >&2; exit 1; }
    done
}

certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=plain -days 2 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
}

DETEKTR_HOME="$work/home" "$detektr" detonate --json --user root --timeout 600s clients.sh >"$work/run.json"
bundle="$(python3 -c 'import json, sys; print(json.load(sys.stdin)["bundle"])' <"$work/run.json")"
cp "$bundle/stdout" "$work/detektr"

join
mkdir -p "$work/inetsim"/{log,report}
cp -r /var/lib/inetsim "$work/inetsim/data"
sed -e 's/^#*service_bind_address.*//' -e 's/^#*dns_default_ip.*//' /etc/inetsim/inetsim.conf >"$work/inetsim.conf"
printf 'service_bind_address 0.0.0.0\ndns_default_ip 10.99.0.1\n' >>"$work/inetsim.conf"
chmod -R a+rwX "$work" # INetSim leaves root behind
ip netns exec "$far" inetsim --config "$work/inetsim.conf" --log-dir "$work/inetsim/log" --report-dir "$work/inetsim/report" \
    --data-dir "$work/inetsim/data" --pidfile "$work/inetsim/pid" >"$work/server.log" 2>&1 &
server=$!
until_open 80
until_open 443
clients >"$work/inetsim.tsv"
drop

join
certificate
cat >"$work/nginx.conf" <<END
daemon off; pid $work/nginx.pid; error_log $work/server.log; events {}
http { access_log off; server { listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; return 200 "ok\n"; } }
END
ip netns exec "$far" nginx -c "$work/nginx.conf" >"$work/server.log" 2>&1 &
server=$!
until_open 443
# nobody tells it names: it is given them
echo "10.99.0.1 www.example.com mail.example.com pool.example.com" >"/etc/netns/$near/hosts"
clients >"$work/nginx.tsv"
drop

echo "| client | Detektr | INetSim $(dpkg-query -Wf '${Version}' inetsim 2>/dev/null) | nginx alone |"
echo "|---|---|---|---|"
paste "$work/detektr" "$work/inetsim.tsv" "$work/nginx.tsv" | awk -F '\t' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $4, $6 }'
