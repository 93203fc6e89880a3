#!/bin/sh
# rollup.sh - how long reports of a year at ten million hits a day take from rollups.
#
# HITS (10,000,000) of one day are generated, stored, sealed and rolled up: that is measured, too. The year is
# made of that day, see rollup_year.c. Then each report is asked ROUNDS (5) times, for a year that begins within
# a month (so 11 months and 29 days are joined); printed are the median in seconds, warm, and once cold (the
# rollups dropped from the page cache before).
set -eu
cd "$(dirname "$0")/.."

BUILD=${CRUMB_BUILD:-build}
HITS=${HITS:-10000000}
DAYS=${DAYS:-365}
ROUNDS=${ROUNDS:-5}
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/crumb-rollup.XXXXXX")
trap 'rm -rf "$dir"' EXIT INT TERM

seconds() { # COMMAND...: real seconds
    /usr/bin/time -o "$dir/time" -f '%e %U %S' "$@" >"$dir/out"
    cat "$dir/time"
}

"$BUILD/bench/rollup_year" day "$dir/day" "$HITS"
echo "crumb rollup of the day, 24 hours and 1 day (real user system s): $(seconds "$BUILD/crumb" rollup --data "$dir/day")"
cat "$dir/out"
echo "bytes of its hits, of 24 hours, of the day: $(du -sb "$dir/day/hits" | cut -f1) $(du -sb "$dir/day/rollup/hour" | cut -f1) $(du -sb "$dir/day/rollup/day" | cut -f1)"
"$BUILD/bench/rollup_year" year "$dir/day" "$dir/year" "$DAYS"
echo "bytes of the days, of the months: $(du -sb "$dir/year/rollup/day" | cut -f1) $(du -sb "$dir/year/rollup/month" | cut -f1)"

printf '%-12s %9s %9s\n' report 'warm s' 'cold s'
for report in overview timeline pages referrers campaigns countries cities networks devices browsers languages screens events bots summary; do
    name=$report
    [ "$report" != summary ] || name=
    for file in "$dir"/year/rollup/*/*.sum; do
        dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
    done
    cold=$(seconds "$BUILD/crumb" report $name --data "$dir/year" --since 2025-11-11 --until 2026-11-09 | cut -d' ' -f1)
    for _ in $(seq "$ROUNDS"); do
        seconds "$BUILD/crumb" report $name --data "$dir/year" --since 2025-11-11 --until 2026-11-09 | cut -d' ' -f1
    done | sort -n >"$dir/rounds"
    printf '%-12s %9s %9s\n' "$report" "$(sed -n "$((ROUNDS / 2 + 1))p" "$dir/rounds")" "$cold"
done
head -1 "$dir/out"
