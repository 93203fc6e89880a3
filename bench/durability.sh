#!/bin/sh
# durability.sh [SECONDS] [ROUNDS] - what "acknowledged means kept" costs: throughput, p99 and CPU with
# durability process and power, beside the same server with the write left out (no_write.c).
#
# 256 connections, one worker; the server on one processor, wrk on another. A machine that others use, too,
# changes more between two minutes than what is measured. So there are many short rounds, each begins and
# ends with "no write", and a row is compared only with the mean of the two in its own round; every second
# round goes backwards, so that what drifts within a round cancels out. Printed are medians over the rounds,
# and for the two ratios the quartiles, too: where they are far apart, the machine was not quiet.
#
# In the first three rows no segment rolls meanwhile, so that every hit goes to pages of a new file and sealing
# is in none of the figures; "rolling" is how it runs for days: segments of 64 MiB, their files used again,
# sealing on the same processor.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-4}
rounds=${2:-8}
warm_seconds=2
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

# load SECONDS [OPTION] - what wrk says
load() {
    # shellcheck disable=SC2086 # no option or one
    taskset -c 1 wrk -t1 -c256 -d"$1" ${2:-} -s "$dir/load.lua" "http://$address/"
}

# serve NAME PROGRAM DURABILITY ROLL-SIZE - one measurement; appends "round name hits/s p99_ms us/hit" to $dir/rows
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
    load "$warm_seconds" >/dev/null
    before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    load "$seconds" --latency >"$dir/wrk"
    after=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    if grep -q 'Non-2xx' "$dir/wrk"; then
        echo "durability.sh: $1: not every answer was 2xx" >&2
        exit 1
    fi
    awk -v round="$round" -v name="$1" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        $1 == "99%" { p99 = $2 ~ /us$/ ? $2 / 1000 : $2 ~ /ms$/ ? $2 + 0 : $2 * 1000 }
        / requests in / { hits = $1 }
        $1 == "Requests/sec:" { rate = $2 }
        END { printf "%d %s %.0f %.2f %.3f\n", round, name, rate, p99, ticks / hz / hits * 1e6 }' "$dir/wrk" >>"$dir/rows"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
}

measure() {
    case $1 in
    none) serve none "$build/bench/crumbd-no-write" process 4GiB ;;
    process | power) serve "$1" "$build/crumbd" "$1" 4GiB ;;
    *) serve "$1" "$build/crumbd" "${1%-rolling}" 64MiB ;;
    esac
}

# quartiles - of the numbers on stdin, one a line: "lower median upper", between neighbours where it falls there
quartiles() {
    sort -n | awk '
        { v[NR] = $1 }
        function at(part,  place, low) {
            place = 1 + (NR - 1) * part
            low = int(place)
            return low == NR ? v[NR] : v[low] + (v[low + 1] - v[low]) * (place - low)
        }
        END { print at(0.25), at(0.5), at(0.75) }'
}

# figures NAME COLUMN - of each round
figures() {
    awk -v name="$1" -v column="$2" '$2 == name { print $column }' "$dir/rows"
}

# ratios NAME COLUMN - of each round, in percent of the mean of that round's two "no write"
ratios() {
    awk -v name="$1" -v column="$2" '
        $2 == "none" { none[$1] += $column / 2 }
        $2 == name { value[$1] = $column }
        END { for (round in value) print 100 * value[round] / none[round] }' "$dir/rows"
}

# spread NAME COLUMN - the ratios' median and quartiles
spread() {
    ratios "$1" "$2" | quartiles | awk '{ printf "%.1f%% (%.1f-%.1f)", $2, $1, $3 }'
}

# median NAME COLUMN FORMAT
median() {
    figures "$1" "$2" | quartiles | awk -v format="$3" '{ printf format, $2 }'
}

round=0
while [ $round -lt "$rounds" ]; do
    order='process power process-rolling power-rolling'
    [ $((round % 2)) -eq 0 ] || order='power-rolling process-rolling power process'
    for name in none $order none; do measure "$name"; done
    round=$((round + 1))
done
printf '%-16s %9s %22s %8s %8s %22s\n' durability hits/s 'of no write' 'p99 ms' us/hit 'of no write'
for name in none process power process-rolling power-rolling; do
    hits_ratio='100%' cpu_ratio='100%'
    if [ $name != none ]; then
        hits_ratio=$(spread $name 3)
        cpu_ratio=$(spread $name 5)
    fi
    printf '%-16s %9s %22s %8s %8s %22s\n' $name "$(median $name 3 %.0f)" "$hits_ratio" "$(median $name 4 %.2f)" \
        "$(median $name 5 %.2f)" "$cpu_ratio"
done
