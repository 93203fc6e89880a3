#!/bin/sh
# run.sh - builds and runs every test: layers, unit tests, crash tests, end to end.
#
# Called by `make test`. Each part is run whatever became of the others; the last line is the sum of
# them all, "N passed, N failed", and the exit code says whether there was a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
logs=build/test-logs
mkdir -p $logs
passed=0
failed=0

# part NAME COUNTER COMMAND... - shows the command's output and adds up what COUNTER finds in it.
part() {
    name=$1
    counter=$2
    shift 2
    echo "==== $name"
    { "$@" 2>&1; echo $? >$logs/status; } | tee "$logs/$name"
    read -r status <$logs/status
    # shellcheck disable=SC2046 # two numbers
    set -- $($counter "$logs/$name")
    passed=$((passed + $1))
    failed=$((failed + $2))
    # Something that failed without counting it: a build, a crash before the summary.
    [ "$status" -eq 0 ] || [ "$2" -gt 0 ] || failed=$((failed + 1))
}

# Counters print "PASSED FAILED".
count_exit() {
    read -r status <$logs/status
    [ "$status" -eq 0 ] && echo 1 0 || echo 0 1
}

count_nothing() {
    echo 0 0
}

# Criterion: "[====] Synthesis: Tested: 5 | Passing: 5 | Failing: 0 | Crashing: 0"
count_criterion() {
    tr -d '\033' <"$1" | sed -n 's/.*Tested: [^0-9]*\([0-9]*\).*Passing: [^0-9]*\([0-9]*\).*/\1 \2/p' |
        awk '{ tested += $1; passing += $2 } END { print passing + 0, tested - passing }'
}

# crash.sh: "crash: torture: ok", "crash: torture: FAILED", "crash: disk_full: skipped"
count_crash() {
    awk '/^crash: [^ ]*: ok/ { p++ } /^crash: [^ ]*: FAILED/ { f++ } END { print p + 0, f + 0 }' "$1"
}

# Node: "# pass 5", "# fail 0", "# cancelled 0" in the TAP that e2e/run.sh leaves behind.
count_node() {
    awk '$1 == "#" && $2 == "pass" { p = $3 } $1 == "#" && ($2 == "fail" || $2 == "cancelled") { f += $3 }
        END { print p + 0, f + 0 }' build/test-logs/e2e.tap
}

rm -f build/test-logs/e2e.tap
touch build/test-logs/e2e.tap
part build count_nothing make --no-print-directory -j2 all build/country.mmdb
part layers count_exit tests/layers.sh
part tag count_exit make --no-print-directory tag-check
part unit count_criterion make --no-print-directory -j2 unit
part crash count_crash make --no-print-directory -j2 crash
part e2e count_node make --no-print-directory e2e
echo "$passed passed, $failed failed" | tee $logs/sum
[ $failed -eq 0 ]
