#!/usr/bin/env bash
# How many SYNs a second leave by each way, from one sending thread, beside zmap and masscan.
#
#   sudo benches/transmit.sh [ROUNDS [SECONDS [CONTENDER…]]]
#
# Each contender has a pair of veths of its own, in network namespaces of its own, so that none sees
# the frames of another. The other end drops everything by a filter (tc), or, for those whose name
# ends so, by an XDP program, without which a veth takes no frames from a generator in the kernel;
# zmap and masscan run against both, and the best of the four counts.
#
# All contenders are started once, and stand still (SIGSTOP) but for their turn in each round, so
# that the turns can be short: the speed of a machine that others use too changes by the second,
# and only what was measured within the same second or two compares. Packets are counted at the
# receiving interface while the contender stands still, before its turn and behind it. The table has
# the medians of the rates, and the medians of the ratios within a round, by the wall clock and by
# the CPU time of the contender with the kernel's share; the best peer is another one in each round.
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
    unshare -n "$0" --inside "$build" "${1-15}" "${2-0.6}" "${@:3}"
    exit
fi
build=$2 rounds=$3 seconds=$4
wanted=("${@:5}")
cd "$build"

# The other end: a namespace that goes with the process that holds it.
setpriv --pdeathsig KILL unshare -n sleep 3600 &
far=$!
there() { nsenter --net="/proc/$far/ns/net" "$@"; }
until [ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
mac=02:00:00:00:00:02
ip link set lo up
mkfifo hold ready
exec 9<>hold 8<>ready

# Makes the pair of the contender of this number: eN here, fN there, its neighbour 172.16.N.2; all
# targets are behind it, and of all pairs the one of the least metric is the kernel's choice.
pair() {
    ip link add "e$1" address 02:00:00:00:00:01 type veth peer name "f$1" address "$mac" netns "$far"
    echo 1 >"/proc/sys/net/ipv6/conf/e$1/disable_ipv6"
    ip addr add "172.16.$1.1/24" dev "e$1"
    ip link set "e$1" up
    ip neigh replace "172.16.$1.2" lladdr "$mac" dev "e$1"
    ip route add 10.0.0.0/8 via "172.16.$1.2" metric "$2"
    there sh -c "echo 1 >/proc/sys/net/ipv6/conf/f$1/disable_ipv6; ip link set f$1 up"
}
# Direct action 2 (TC_ACT_SHOT) for every packet, before anything else looks at it.
drop_by_filter() {
    there tc qdisc add dev "f$1" clsact
    there tc filter add dev "f$1" ingress bpf direct-action bytecode '1,6 0 0 2'
}
drop_by_xdp() {
    nsenter --net="/proc/$far/ns/net" ./sink "f$1" <hold >ready 8<&- 9<&- &
    read -r _ <&8
}

declare -A command=() number=()
order=()
# The words of a command, in which INTERFACE, NEXT and SOURCE stand for those of its pair.
add() {
    local name=$1 n=$((${#order[@]} + 1))
    if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
    case $name in our-raw) pair $n 1 ;; *) pair $n $((n + 1)) ;; esac
    case $name in *xdp-live | *at-xdp) drop_by_xdp $n ;; *) drop_by_filter $n ;; esac
    local words=${*:2}
    words=${words//INTERFACE/e$n} words=${words//NEXT/172.16.$n.2}
    command[$name]=${words//SOURCE/172.16.$n.1} number[$name]=$n
    order+=("$name")
}

# A SYN without options, as zmap's.
probe="./tcpexposure probe 10.0.0.0/8 --yes -p 80 -r 0 -G $mac -c 0 -o /dev/null --probe S
    -i INTERFACE --retries 9"
zmap="zmap -p 80 -i INTERFACE -G $mac -S SOURCE -b /dev/null -r 0 -T 1 -q -o /dev/null 10.0.0.0/8"
masscan="masscan 10.0.0.0/8 -p80 --rate 100000000 -e INTERFACE --source-ip SOURCE
    --router-mac ${mac//:/-} -oL /dev/null"
add bare-xdp "./bare-xdp INTERFACE $mac"
for way in xdp ring mmsg raw; do
    add our-$way "./transmit $way NEXT"
done
add probe-xdp "$probe --backend xdp"
add probe-xdp-live "$probe --backend xdp-live"
for peer in zmap masscan; do
    if ! type -P "$peer" >/dev/null; then
        echo "left out: $peer (apt install $peer)"
        continue
    fi
    add $peer "${!peer}"
    add $peer-at-xdp "${!peer}"
done

arrived() { there ip -j -s link show "$1" | sed 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/'; }
# CPU time of all threads of a process in nanoseconds, the kernel's share included.
spent() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$1"/task/*/schedstat; }
# Waits until all threads of a process stand still; fails if it has ended.
still() {
    local file state moving=yes
    while [ "$moving" ]; do
        moving=
        for file in /proc/"$1"/task/*/stat; do
            read -r state <"$file"
            state=${state##*) }
            case ${state%% *} in T) ;; Z | X) return 1 ;; *) moving=yes ;; esac
        done
    done
}
# Lets a contender go on for so many seconds.
let_run() {
    local pid=${process[$1]}
    # Nothing ever comes by that file: this is to sleep.
    kill -CONT "$pid" && { read -rt "$2" <&8 || true; } && kill -STOP "$pid" && still "$pid" ||
        { echo "$1 has ended: $(tail -n 2 "$1.log")" >&2 && exit 1; }
}

declare -A process=()
for name in "${order[@]}"; do
    # shellcheck disable=SC2086  # a command line of words
    setpriv --pdeathsig KILL ${command[$name]} >/dev/null 2>"$name.log" </dev/null 8<&- 9<&- &
    process[$name]=$!
    let_run "$name" 0.7
done

# Prints a contender's packets a second, and packets a CPU second.
measure() {
    local pid=${process[$1]} end=f${number[$1]} from to packets cpu
    packets=$(arrived "$end") cpu=$(spent "$pid") from=$EPOCHREALTIME
    let_run "$1" "$seconds"
    to=$EPOCHREALTIME packets=$(($(arrived "$end") - packets)) cpu=$(($(spent "$pid") - cpu))
    awk -v n=$packets -v t="$from $to" -v c=$cpu 'BEGIN {
        split(t, at, " ")
        printf "%d %d\n", n / (at[2] - at[1]), (c > 0 ? n / c * 1e9 : 0)
    }'
}

for ((round = 1; round <= rounds; round++)); do
    for name in "${order[@]}"; do
        measured=$(measure "$name")
        echo "$round $name $measured"
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
