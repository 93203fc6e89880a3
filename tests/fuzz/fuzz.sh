#!/bin/sh
# fuzz.sh BUILD SECONDS - runs each fuzz target so long; what breaks it goes to tests/fuzz/regression.
#
# Needs clang. Programs and the corpus that grows are in BUILD/fuzz; the first inputs are those of
# regression/, which hold one good file of each kind.
set -eu
cd "$(dirname "$0")/../.."
build=$1
seconds=$2
status=0
mkdir -p "$build/fuzz"
for target in spool sealed index; do
    program=$build/fuzz/fuzz_$target
    corpus=$build/fuzz/corpus_$target
    findings=tests/fuzz/regression/$target
    mkdir -p "$corpus"
    # shellcheck disable=SC2046 # words
    clang -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        -D_GNU_SOURCE -Iinclude -Itests -pthread -o "$program" \
        tests/fuzz/fuzz_$target.c tests/fuzz/fuzz.c src/store/*.c src/base/*.c \
        $(pkg-config --cflags --libs libsodium libxxhash) -lz
    echo "== fuzz_$target, $seconds s"
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="$findings/" "$corpus" "$findings" || status=1
done
[ $status -eq 0 ] || echo "fuzz: something was found: see tests/fuzz/regression"
exit $status
