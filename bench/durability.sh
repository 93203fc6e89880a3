#!/bin/sh
# durability.sh [SECONDS] [ROUNDS] - what "acknowledged means kept" costs: throughput, p99 and CPU with
# durability process and power, beside the same server with the write left out (no_write.c).
#
# 256 connections, one worker; the server on one processor, wrk on another. Rounds are interleaved and
# the median of each figure is printed. In the first three no segment rolls meanwhile, so that every hit
# goes to pages of a new file and sealing is in none of the figures; "rolling" is how it runs for days:
# segments of 64 MiB, their files used again, sealing on the same processor.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
rounds=${2:-5}
build=${CRUMB_BUILD:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/crumb-cost-XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

cat >"$dir/load.lua" <<'END'
local n = 0
request = function()
    n = n + 1
    return wrk.format("GET", "/b.gif?site=shop&url=https%3A%2F%2Fshop.example%2Fp%2F" .. n % 977 ..
        "&title=A%20page&sw=1920&sh=1080", { ["User-Agent"] =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36" })
end
END

# serve NAME PROGRAM DURABILITY ROLL-SIZE - one round; appends "hits/s p99_ms us/hit" to $dir/NAME
serve() {
    rm -rf "$dir/data"
    cat >"$dir/crumb.yaml" <<END
listen:
  - address: 127.0.0.1:0
admin: 127.0.0.1:0
data: $dir/data
keys: $dir/keys
workers: 1
durability: $3
roll_interval: 1h
roll_size: $4
geo:
  databases: []
END
    : >"$dir/log"
    taskset -c 0 "$2" -c "$dir/crumb.yaml" 2>>"$dir/log" &
    pid=$!
    until grep -q 'listening on' "$dir/log"; do kill -0 "$pid" || { cat "$dir/log"; exit 1; }; done
    address=$(sed -n 's/.*listening on //p' "$dir/log")
    taskset -c 1 wrk -t1 -c256 -d4 -s "$dir/load.lua" "http://$address/" >/dev/null
    before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    taskset -c 1 wrk -t1 -c256 -d"$seconds" --latency -s "$dir/load.lua" "http://$address/" >"$dir/wrk"
    after=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    if grep -q 'Non-2xx' "$dir/wrk"; then
        echo "durability.sh: $1: not every answer was 2xx" >&2
        exit 1
    fi
    awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        $1 == "99%" { p99 = $2 ~ /us$/ ? $2 / 1000 : $2 ~ /ms$/ ? $2 + 0 : $2 * 1000 }
        / requests in / { hits = $1 }
        $1 == "Requests/sec:" { rate = $2 }
        END { printf "%.0f %.2f %.2f\n", rate, p99, ticks / hz / hits * 1e6 }' "$dir/wrk" >>"$dir/$1"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
}

# median NAME COLUMN
median() {
    sort -n -k "$2,$2" "$dir/$1" | awk -v column="$2" '{ v[NR] = $column } END { print v[int((NR + 1) / 2)] }'
}

round=0
while [ $round -lt "$rounds" ]; do
    serve none "$build/bench/crumbd-no-write" process 4GiB
    serve process "$build/crumbd" process 4GiB
    serve power "$build/crumbd" power 4GiB
    serve process-rolling "$build/crumbd" process 64MiB
    serve power-rolling "$build/crumbd" power 64MiB
    round=$((round + 1))
done
printf '%-16s %10s %12s %9s %9s\n' durability hits/s 'of no write' 'p99 ms' 'us/hit'
for name in none process power process-rolling power-rolling; do
    printf '%-16s %10s %11s%% %9s %9s\n' $name "$(median $name 1)" \
        "$(awk -v a="$(median $name 1)" -v b="$(median none 1)" 'BEGIN { printf "%.1f", 100 * a / b }')" \
        "$(median $name 2)" "$(median $name 3)"
done
