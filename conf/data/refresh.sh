#!/bin/sh
# refresh.sh - fetches the current lists and makes crawlers.tsv and world.tsv of them (make refresh-data).
# Needs npm, node and Debian's iso-codes. Never run by a build or by a user: the results are committed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in crawler-user-agents world-atlas; do
    mkdir "$package"
    tar -xzf "$(npm pack --silent "$package")" -C "$package" --strip-components=1
done
cp /usr/share/iso-codes/json/iso_3166-1.json .
node "$here/refresh.js" "$work"
cp crawler-user-agents/LICENSE "$here/LICENSE.crawlers"
