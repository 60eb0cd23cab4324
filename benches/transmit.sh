#!/usr/bin/env bash
# How many SYNs a second leave by each way, from one sending thread, beside zmap and masscan.
#
#   sudo benches/transmit.sh [ROUNDS [SECONDS]]
#
# All contenders take turns in each round, on two pairs of veths in network namespaces of its own. The
# other end drops everything, that of the first pair by a filter (tc), that of the second by an XDP
# program, without which a veth takes no frames from a generator in the kernel; zmap and masscan run
# against both, and the best of the four counts. Packets are counted at the receiving interface once a
# contender has got going. Figures of a round go up and down with whatever else the machine does,
# ratios much less: the table has the medians of the rates, and the medians of the ratios within a
# round, by the wall clock and by the CPU time of the contender with the kernel's share.
#
# What is not installed is left out, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" != --inside ]; then
    target=${CARGO_TARGET_DIR:-target}
    cargo build --release --quiet -p tcpexposure-linux --example transmit --example sink
    cargo build --release --quiet -p tcpexposure
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cc -O2 -o "$build/bare-xdp" benches/bare-xdp.c
    cp "$target"/release/examples/{transmit,sink} "$target/release/tcpexposure" "$build"
    unshare -n "$0" --inside "$build" "${1-7}" "${2-1.5}"
    exit
fi
build=$2 rounds=$3 seconds=$4
cd "$build"

# The other end: a namespace that goes with the process that holds it.
setpriv --pdeathsig KILL unshare -n sleep 3600 &
sink=$!
there() { nsenter --net="/proc/$sink/ns/net" "$@"; }
until [ "$(readlink "/proc/$sink/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
mac=02:00:00:00:00:02
ip link set lo up
# v0 to v1 with the filter, w0 to w1 with the program.
for pair in v:10.99.0 w:10.98.0; do
    end=${pair%:*} net=${pair#*:}
    ip link add "${end}0" address 02:00:00:00:00:01 type veth peer name "${end}1" address "$mac" \
        netns "$sink"
    echo 1 >"/proc/sys/net/ipv6/conf/${end}0/disable_ipv6"
    ip addr add "$net.1/24" dev "${end}0"
    ip link set "${end}0" up
    ip neigh replace "$net.2" lladdr "$mac" dev "${end}0"
    there sh -c "echo 1 >/proc/sys/net/ipv6/conf/${end}1/disable_ipv6; ip link set ${end}1 up"
done
ip route add 10.0.0.0/8 via 10.99.0.2
ip route add 10.0.0.0/8 via 10.98.0.2 metric 1
# Direct action 2 (TC_ACT_SHOT) for every packet, before anything else looks at it.
there tc qdisc add dev v1 clsact
there tc filter add dev v1 ingress bpf direct-action bytecode '1,6 0 0 2'
mkfifo hold ready
nsenter --net="/proc/$sink/ns/net" ./sink w1 <hold >ready &
exec 9>hold
read -r _ <ready

arrived() { there ip -j -s link show "$1" | sed 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/'; }
# CPU time of a process in hundredths of a second, its dead threads and the kernel's share included.
spent() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

declare -A command=(
    [bare-xdp]="./bare-xdp v0 $mac"
    [our-xdp]="./transmit xdp 10.99.0.2"
    [our-ring]="./transmit ring 10.99.0.2"
    [our-mmsg]="./transmit mmsg 10.99.0.2"
    [our-raw]="./transmit raw 10.99.0.2"
)
order=(bare-xdp our-xdp our-ring our-mmsg our-raw)
declare -A at=()
# A SYN without options, as zmap's.
probe="./tcpexposure probe 10.0.0.0/8 --yes -p 80 -r 0 -G $mac -c 0 -o /dev/null --probe S"
command[probe-xdp]="$probe -i v0 --backend xdp"
command[probe-xdp-live]="$probe -i w0 --backend xdp-live" at[probe-xdp-live]=w1
order+=(probe-xdp probe-xdp-live)
as_zmap() { echo "zmap -p 80 -i $1 -G $mac -S $2 -b /dev/null -r 0 -T 1 -q -o /dev/null 10.0.0.0/8"; }
as_masscan() {
    echo "masscan 10.0.0.0/8 -p80 --rate 100000000 -e $1 --source-ip $2
        --router-mac ${mac//:/-} -oL /dev/null"
}
for peer in zmap masscan; do
    if ! type -P "$peer" >/dev/null; then
        echo "left out: $peer (apt install $peer)"
        continue
    fi
    command[$peer]=$("as_$peer" v0 10.99.0.1)
    command[$peer-at-xdp]=$("as_$peer" w0 10.98.0.1) at[$peer-at-xdp]=w1
    order+=("$peer" "$peer-at-xdp")
done

# Prints a contender's packets a second, and packets a CPU second.
measure() {
    local end=${at[$1]-v1}
    # shellcheck disable=SC2086  # a command line of words
    ${command[$1]} >/dev/null 2>"$1.log" </dev/null &
    local pid=$!
    sleep 0.7
    local from=$EPOCHREALTIME packets cpu before used
    packets=$(arrived "$end") cpu=$(spent $pid || echo 0)
    sleep "$seconds"
    before=$packets used=$cpu
    packets=$(arrived "$end") cpu=$(spent $pid || echo 0)
    local to=$EPOCHREALTIME
    kill -KILL $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    awk -v n=$((packets - before)) -v t="$from $to" -v c=$((cpu - used)) 'BEGIN {
        split(t, at, " ")
        printf "%d %d\n", n / (at[2] - at[1]), (c > 0 ? n / c * 100 : 0)
    }'
}

for ((round = 1; round <= rounds; round++)); do
    for name in "${order[@]}"; do
        echo "$round $name $(measure "$name")"
    done
done | tee rounds | sed -u 's/^/# /' >&2

awk '
    { wall[$1, $2] = $3; cpu[$1, $2] = $4; if (!seen[$2]++) names[++n] = $2; if ($1 > rounds) rounds = $1 }
    function median(list, count,    i, j, swap) {
        for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++)
            if (list[j] < list[i]) { swap = list[i]; list[i] = list[j]; list[j] = swap }
        return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
    }
    function best(table, round,    i, top) {
        for (i = 1; i <= n; i++)
            if (names[i] ~ /^(zmap|masscan)/ && table[round, names[i]] > top) top = table[round, names[i]]
        return top
    }
    function middle(table, name, against,    round, count, list, base) {
        count = 0
        for (round = 1; round <= rounds; round++) {
            base = against == "" ? 1 : against == "peer" ? best(table, round) : table[round, against]
            if (base > 0) list[++count] = table[round, name] / base
        }
        return count ? median(list, count) : 0
    }
    END {
        line = "%-16s %12s %14s %14s %14s %14s\n"
        printf line, "", "packets/s", "to bare AF_XDP", "to best peer", "CPU: to bare", "CPU: to peer"
        for (i = 1; i <= n; i++)
            printf line, names[i], sprintf("%d", middle(wall, names[i], "")),
                sprintf("%.2f", middle(wall, names[i], "bare-xdp")),
                sprintf("%.2f", middle(wall, names[i], "peer")),
                sprintf("%.2f", middle(cpu, names[i], "bare-xdp")),
                sprintf("%.2f", middle(cpu, names[i], "peer"))
    }' rounds
for name in "${order[@]}"; do
    [ "$(awk -v name="$name" '$2 == name { sum += $3 } END { print sum + 0 }' rounds)" != 0 ] ||
        { echo "$name sent nothing: $(tail -n 2 "$name.log")" && failed=1; }
done
exit "${failed-0}"
