#!/bin/sh
# geo-db.sh OUT.mmdb - builds a country database from Debian's tor-geoipdb (packages tor-geoipdb and
# libmaxmind-db-writer-perl), in about 5 s. Does nothing if OUT is newer than what it is made of.
# OUT appears whole or not at all.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: geo-db.sh OUT.mmdb" >&2
    exit 2
fi
out=$1
here=$(dirname "$0")
ipv4=/usr/share/tor/geoip
ipv6=/usr/share/tor/geoip6

for source in "$ipv4" "$ipv6"; do
    if [ ! -r "$source" ]; then
        echo "geo-db.sh: $source is missing; install the package tor-geoipdb" >&2
        exit 1
    fi
done
if [ -s "$out" ] && [ -z "$(find "$ipv4" "$ipv6" "$here/geo-db.pl" -newer "$out")" ]; then
    exit 0
fi
mkdir -p "$(dirname "$out")"
tmp=$out.tmp.$$
trap 'rm -f "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
perl "$here/geo-db.pl" "$ipv4" "$ipv6" "$tmp"
mv -f "$tmp" "$out"
