#!/bin/sh
# crash.sh BUILD - runs the crash tests: short ones, or with LONG=1 what the promises are proved with.
#
# Called by `make crash`, and so by `make test`. SEED= repeats a run. Each program prints what it did;
# a line "crash: NAME: ok", "FAILED" or "skipped" follows.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
seed=${SEED:-$(date +%s)}
failed=0

# run NAME SHORT-OPTIONS LONG-OPTIONS
run() {
    name=$1
    options=$2
    [ -z "${LONG:-}" ] || options=$3
    program=${name%%-*}
    shim=
    case $program in nth_call | power_cut) shim="--shim $build/crash/shim.so" ;; esac
    crumbd="--crumbd $build/crumbd"
    [ "$program" != damage ] || crumbd=
    # shellcheck disable=SC2086 # words
    "$build/crash/$program" --seed "$seed" $crumbd --crumb "$build/crumb" $shim $options
    case $? in
    0) echo "crash: $name: ok" ;;
    77) echo "crash: $name: skipped" ;;
    *)
        echo "crash: $name: FAILED (SEED=$seed)"
        failed=1
        ;;
    esac
}

run torture "--cycles 30" "--cycles 1000"
run torture-power "--power --cycles 20" "--power --cycles 1000"
run nth_call-kill "--kill --every 35" "--kill"
# A return takes a second at most, which only the long form, on a quiet machine, insists on.
run nth_call-fail "--fail --every 60 --back-ms 20000" "--fail --every 3"
run disk_full "--cycles 3 --back-ms 20000" "--cycles 20"
run disk_full-power "--power --cycles 2 --back-ms 20000" "--power --cycles 20"
run power_cut "--cuts 40" "--cuts 1000"
run power_cut-process "--process --cuts 25" "--process --cuts 500"
run damage "--flips 1000 --every 5" "--flips 100000"
# Takes 5 GiB of disk and a quiet machine.
[ -z "${LONG:-}" ] || run backlog "" "--mib 2048"
exit $failed
