#!/bin/sh
# sanitized.sh address,undefined|thread - the tests with a sanitizer built in; any report is a failure.
#
# A leak alone does not fail a Criterion run and ThreadSanitizer does not run under Criterion, so the
# reports are looked for in the output, and threads are tested by plain programs and by crumbd itself.
set -eu
cd "$(dirname "$0")/.."
sanitizer=$1
log=build/$sanitizer/log
mkdir -p "build/$sanitizer"
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=exitcode=0 # leaks are found in the log

case $sanitizer in
thread) modules=stress ;;
*) modules=unit ;;
esac

run() {
    make --no-print-directory -j2 SAN="$sanitizer" all &&
        make --no-print-directory SAN="$sanitizer" $modules &&
        make --no-print-directory SAN="$sanitizer" e2e
}

# Prints every report, but for leaks without a frame of ours: Criterion 2.4 itself loses 48 bytes now and then.
reports() {
    awk '
        /^(Direct|Indirect) leak of/ { block = $0; next }
        block != "" && NF > 0 { block = block "\n" $0; next }
        block ~ /\/(src|tests)\/(base|model|store|server|cli|unit|support|stress)\// { print block }
        { block = "" }
        /LeakSanitizer: detected memory leaks|Sanitizer: .* leaked in / { next }
        /Sanitizer:|runtime error:/ { print FILENAME ":" FNR ": " $0 }' "$1"
}

status=0
run >"$log" 2>&1 || status=$?
cat "$log"
found=$(reports "$log")
if [ -n "$found" ]; then
    printf '\n%s\n%s: the sanitizer has something to say\n' "$found" "$sanitizer"
    exit 1
fi
exit $status
