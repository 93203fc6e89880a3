#!/bin/sh
# layers.sh - checks the two rules that keep the house in order:
#   1. a layer includes only the layers below it;
#   2. an outside library is included by exactly one file (libevent: by the folder src/server).
# Prints each offending line and exits 1 if there was any.
set -eu
cd "$(dirname "$0")/.."
bad=0

offence() {
    printf '%s\n' "$1"
    bad=1
}

# layer: what it may include besides itself
allowed() {
    case $1 in
    base) echo "" ;;
    model | store) echo "base" ;;
    server) echo "base model store" ;;
    report | ship) echo "base model store" ;;
    cli) echo "base model store report ship" ;;
    esac
}

for layer in base model store server report ship cli; do
    for dir in src/$layer include/$layer; do
        [ -d "$dir" ] || continue
        may=" $layer $(allowed $layer) "
        found=$(grep -rnE '^ *# *include +"' "$dir" --include='*.c' --include='*.h' || true)
        while IFS= read -r line; do
            [ -n "$line" ] || continue
            target=$(printf '%s\n' "$line" | sed -E 's/.*"([^"]*)".*/\1/')
            case $target in
            */*) name=${target%%/*} ;;
            *) name=$layer ;; # private header beside the source, or a generated one
            esac
            case $name in
            web) name=$layer ;; # generated assets
            esac
            case $may in
            *" $name "*) ;;
            *) offence "layers: $line: $layer may not include $name" ;;
            esac
        done <<END
$found
END
    done
done

# library header pattern | the one file that may include it
while IFS='|' read -r pattern owner; do
    [ -n "$pattern" ] || continue
    found=$(grep -rnE "^ *# *include +[<\"]($pattern)" src include --include='*.c' --include='*.h' |
        grep -vE "^($owner)[:/]" || true)
    [ -z "$found" ] || offence "layers: only $owner may include $pattern:
$found"
done <<'END'
event2/|src/server
llhttp|src/server/http_second.c
sodium|src/base/crypto.c
xxhash|src/base/hash.c
yaml.h|src/model/config.c
maxminddb|src/model/geo.c
zlib.h|src/store/deflate.c
isa-l|src/store/deflate.c
libdeflate.h|src/store/deflate.c
libsmartcols|src/report/out_table.c
pcre2|src/model/patterns.c
libpsl|src/report/classify_referrer.c
jansson|src/model/json_in.c
END

# the seams: file system calls only in fs.c, time only in clock.c
found=$(grep -rnE '(^|[^a-z_>.])(fdatasync|fsync|rename|unlink|ftruncate|pwrite|pwritev|mmap|posix_fallocate|fallocate)\(' \
    src --include='*.c' | grep -v '^src/base/fs.c:' | grep -vE ':[0-9]+: *(/?\*|//)' || true)
[ -z "$found" ] || offence "layers: only src/base/fs.c may call these:
$found"
found=$(grep -rnE '(^|[^a-z_>.])(clock_gettime|gettimeofday|time)\(' src --include='*.c' |
    grep -v '^src/base/clock.c:' | grep -vE ':[0-9]+: *(/?\*|//)' || true)
[ -z "$found" ] || offence "layers: only src/base/clock.c may ask for the time:
$found"

[ $bad -eq 0 ] && echo "layers: ok"
exit $bad
