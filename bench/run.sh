#!/bin/sh
# run.sh - all figures of bench/README.md, one line each: first beside nginx, then idle connections.
# Called by `make bench`, which has built everything before. Nothing else should run meanwhile.
set -eu
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin
node run.mjs
echo
node idle.mjs
