#!/usr/bin/env bash
# How many packets a second go out and come in by libpcap, beside our own packet socket.
#
#   sudo benches/pcap.sh [ROUNDS [SECONDS]]
#
# Both take turns in each round, on a pair of veths in network namespaces of its own. What is sent is
# dropped at the other end; what is heard is sent there as fast as one thread can. The table has the
# medians of the rates, and the median of libpcap's part of ours within a round.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" != --inside ]; then
    target=${CARGO_TARGET_DIR:-target}
    cargo build --release --quiet -p tcpexposure-pcap --example rates
    cargo build --release --quiet -p tcpexposure-linux --example transmit
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cp "$target/release/examples/rates" "$target/release/examples/transmit" "$build"
    unshare -n "$0" --inside "$build" "${1-7}" "${2-1.5}"
    exit
fi
build=$2 rounds=$3 seconds=$4
cd "$build"

# The other end: a namespace that goes with the process that holds it.
setpriv --pdeathsig KILL unshare -n sleep 3600 &
other=$!
there() { nsenter --net="/proc/$other/ns/net" "$@"; }
until [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
mac=02:00:00:00:00:02
ip link set lo up
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address "$mac" netns "$other"
ip addr add 10.99.0.1/24 dev v0
ip link set v0 up
there sh -c 'ip addr add 10.99.0.2/24 dev v1; ip link set v1 up'
there ip neigh replace 10.99.0.1 lladdr 02:00:00:00:00:01 dev v1
for end in v0 "there v1"; do
    set -- $end
    ${2+there} tc qdisc add dev "${2-v0}" clsact
done
# Direct action 2 (TC_ACT_SHOT), once packet sockets have seen the packet.
tc filter add dev v0 ingress bpf direct-action bytecode '1,6 0 0 2'
there tc filter add dev v1 ingress bpf direct-action bytecode '1,6 0 0 2'

for ((round = 1; round <= rounds; round++)); do
    for way in linux pcap; do
        echo "$round send $way $(./rates send "$way" v0 10.99.0.2 "$mac" "$seconds" 2>/dev/null)"
    done
    there ./transmit mmsg 10.99.0.1 2>/dev/null &
    flood=$!
    sleep 0.3
    for way in linux pcap; do
        echo "$round hear $way $(./rates hear "$way" v0 10.99.0.2 "$mac" "$seconds" 2>/dev/null)"
    done
    kill "$flood" && wait "$flood" 2>/dev/null || true
done | tee rounds | sed -u 's/^/# /' >&2

awk '
    { rate[$1, $2, $3] = $4; if ($1 > rounds) rounds = $1 }
    function middle(list,    n, i, j, swap) {
        n = rounds
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
            if (list[j] < list[i]) { swap = list[i]; list[i] = list[j]; list[j] = swap }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function show(what,    r, own, theirs, part) {
        for (r = 1; r <= rounds; r++) {
            own[r] = rate[r, what, "linux"]; theirs[r] = rate[r, what, "pcap"]
            part[r] = own[r] ? theirs[r] / own[r] : 0
        }
        printf "%-5s %14d %14d %14.2f\n", what, middle(own), middle(theirs), middle(part)
    }
    END {
        printf "%-5s %14s %14s %14s\n", "", "ours/s", "libpcap/s", "libpcap/ours"
        show("send"); show("hear")
    }' rounds
