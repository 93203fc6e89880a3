#!/bin/sh
# run.sh [FILE...] - the end-to-end tests with Node's own runner; all of them without arguments.
#
# CRUMB_BUILD says where the programs are (build). The packages that the tests use are installed
# next to them when they are missing or the lock file has changed: only then is there network traffic.
set -eu
cd "$(dirname "$0")"

if ! cmp -s package-lock.json node_modules/.installed; then
    echo "e2e: installing the test packages with npm"
    npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
fi

cd ../..
mkdir -p build/test-logs
[ $# -gt 0 ] || set -- tests/e2e/*.test.js
exec node --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination=build/test-logs/e2e.tap "$@"
