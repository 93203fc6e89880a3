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
export TSAN_OPTIONS=halt_on_error=0

case $sanitizer in
thread) modules=stress ;;
*) modules=unit ;;
esac

run() {
    make --no-print-directory -j2 SAN="$sanitizer" all &&
        make --no-print-directory SAN="$sanitizer" $modules &&
        make --no-print-directory SAN="$sanitizer" e2e
}

status=0
run >"$log" 2>&1 || status=$?
cat "$log"
if grep -nE 'Sanitizer:|runtime error:' "$log"; then
    echo "$sanitizer: the sanitizer has something to say, see above and $log"
    exit 1
fi
exit $status
