#!/usr/bin/env bash
# How much of a network is found, and at what cost, beside zmap and masscan: a /16 whose kernel
# answers every SYN by a SYN cookie, at the other end of a pair of veths in network namespaces.
#
#   sudo benches/whole.sh [ROUNDS [RATE [CONTENDER…]]]
#
# The contenders (probe, zmap and masscan, if none is named) take turns in each round. The table has, for each, the rounds in which all 65,536
# were found, the fewest that were, the median of the CPU seconds (user and system) for a million
# targets, and the highest peak of memory. Whoever has not ended 15 seconds after the last probe
# can have been sent is ended, and counts with what it has found. It fails when we have missed any.
#
# What is not installed is left out, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" != --inside ]; then
    cargo build --release --locked --quiet -p tcpexposure
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cp "${CARGO_TARGET_DIR:-target}/release/tcpexposure" "$build"
    unshare -n "$0" --inside "$build" "${1-10}" "${2-100000}" "${@:3}"
    exit
fi
build=$2 rounds=$3 rate=$4
wanted=("${@:5}")
[ "${#wanted[@]}" -gt 0 ] || wanted=(probe zmap masscan)
cd "$build"

# The other end: a namespace that goes with the process that holds it.
setpriv --pdeathsig KILL unshare -n sleep 3600 &
far=$!
there() { nsenter --net="/proc/$far/ns/net" "$@"; }
until [ "$(readlink "/proc/$far/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
mac=02:00:00:00:00:02
ip link set lo up
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address "$mac" netns "$far"
ip addr add 10.98.0.1/24 dev v0
ip link set v0 up
ip neigh replace 10.98.0.2 lladdr "$mac" dev v0
ip route add 10.99.0.0/16 via 10.98.0.2
there sh -c 'ip link set lo up; ip addr add 10.98.0.2/24 dev v1; ip link set v1 up
    ip neigh replace 10.98.0.1 lladdr 02:00:00:00:00:01 dev v1
    ip route add local 10.99.0.0/16 dev lo
    sysctl -qw net.ipv4.tcp_syncookies=2'
nsenter --net="/proc/$far/ns/net" setpriv --pdeathsig KILL python3 -c 'import socket, time
s = socket.socket(); s.bind(("", 80)); s.listen(1); time.sleep(3600)' &
until there grep -q ':0050 0*:0000 0A' /proc/net/tcp; do sleep 0.01; done

common="-p 80 -i v0"
declare -A command=(
    [probe]="./tcpexposure probe 10.99.0.0/16 $common -G $mac -r $rate -c 1s -o found -f saddr -q
        -m account"
    [zmap]="zmap $common -G $mac -S 10.98.0.1 -b /dev/null -r $rate -c 1 -T 1 -q -o found
        10.99.0.0/16"
    [masscan]="masscan 10.99.0.0/16 -p80 --rate $rate --wait 2 -e v0 --source-ip 10.98.0.1
        --router-mac ${mac//:/-} -oL found"
)
order=()
for name in "${wanted[@]}"; do
    if [ "$name" = probe ] || command -v "$name" >/dev/null; then
        order+=("$name")
    else
        echo "left out: $name (apt install $name)"
    fi
done

# Prints how many addresses a contender found, its CPU seconds, and its peak of memory in KiB.
measure() {
    rm -f found
    # shellcheck disable=SC2086  # a command line of words
    python3 - $((65536 / rate + 15)) ${command[$1]} 2>"$1.log" <<'END'
import os, re, resource, subprocess, sys
limit, null = int(sys.argv[1]), subprocess.DEVNULL
try:
    code = subprocess.run(sys.argv[2:], stdin=null, stdout=null, timeout=limit).returncode
except subprocess.TimeoutExpired:
    code = "hung"
used = resource.getrusage(resource.RUSAGE_CHILDREN)
text = open("found").read() if os.path.exists("found") else ""
found = len(set(re.findall(r"\b10\.99\.\d+\.\d+\b", text)))
print(found, f"{used.ru_utime + used.ru_stime:.3f}", used.ru_maxrss, code)
END
}

for ((round = 1; round <= rounds; round++)); do
    for name in "${order[@]}"; do
        echo "$round $name $(measure "$name")"
    done
done | tee rounds | sed -u 's/^/# /' >&2

python3 - "$rate" <<'END'
import statistics, sys
runs = {}
for line in open("rounds"):
    _, name, found, cpu, peak, _ = line.split()
    runs.setdefault(name, []).append((int(found), float(cpu), int(peak)))
print(f"{'at ' + sys.argv[1] + '/s':<12}{'complete':>10}{'fewest':>9}{'CPU s per million':>20}{'peak KiB':>10}")
for name, all in runs.items():
    complete = sum(found == 65536 for found, _, _ in all)
    cpu = statistics.median(cpu for _, cpu, _ in all) / 0.065536
    print(f"{name:<12}{f'{complete}/{len(all)}':>10}{min(found for found, _, _ in all):>9}"
          f"{cpu:>20.1f}{max(peak for _, _, peak in all):>10}")
sys.exit(any(found < 65536 for found, _, _ in runs.get("probe", [])))
END
