#!/usr/bin/env bash
# Prints a capture of a million packets with `tcpexposure print` and with `tcpdump -nn -r`, in turns,
# and tells the ratio of their CPU time. The lines are compared first.
#   benches/print.sh [PACKETS [TURNS]]
set -euo pipefail
cd "$(dirname "$0")/.."
packets=${1:-1000000}
turns=${2:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --locked --release -q -p tcpexposure -p tcpexposure-benches
target=$(cargo metadata --locked --no-deps --format-version 1 | grep -o '"target_directory":"[^"]*"' | cut -d '"' -f 4)
"$target/release/tcpexposure-benches" capture "$work/capture.pcap" "$packets"

ours() { "$target/release/tcpexposure" print "$work/capture.pcap"; }
theirs() { tcpdump -nn -r "$work/capture.pcap" 2>/dev/null; }

# cpu COMMAND: tells the seconds of user and system time that it takes, its output thrown away.
cpu() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null; } 2>&1 | awk '{ print $1 + $2 }'
}

if cmp -s <(ours) <(theirs); then
    echo "the lines of $packets packets are the same"
else
    echo "the lines differ:" >&2
    diff <(ours) <(theirs) | head -n 10 >&2
    exit 1
fi
for ((turn = 1; turn <= turns; turn++)); do
    mine=$(cpu ours)
    other=$(cpu theirs)
    awk -v a="$mine" -v b="$other" 'BEGIN { printf "%.2f s, tcpdump %.2f s: %.2f\n", a, b, b / a }'
done | tee "$work/turns"
sort -t : -k 2 -n "$work/turns" | awk -F ': ' '
    { ratio[NR] = $2 }
    END { printf "tcpdump takes %.2f times the CPU time (median of %d)\n", ratio[int((NR + 1) / 2)], NR }'
