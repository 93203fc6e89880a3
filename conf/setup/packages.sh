#!/bin/sh
# packages.sh KIND - installs the Debian packages that KIND needs and this machine lacks.
#
# KIND is build, run, test, bench, fuzz or lint. Silent and without network when nothing is missing, so the
# targets of the Makefile call it every time. Nothing that it installs is started as a service.
#
# Rows are words without blanks, and meant to be split.
# shellcheck disable=SC2046,SC2086
set -euf

# PACKAGE          must be installed
# PACKAGE:COMMAND  the same, but a command of that name from elsewhere will do
# PACKAGE|OTHER    the first that this Debian release has; one of them must be installed
# PACKAGE?         speeds things up; only where this architecture has it
packages() {
    case $1 in
    build)
        echo gcc:gcc make:make pkg-config:pkg-config libc6-dev libevent-dev zlib1g-dev 'libisal-dev?' libdeflate-dev \
            libmaxminddb-dev libyaml-dev libjansson-dev libsodium-dev libxxhash-dev \
            libpcre2-dev libpsl-dev libsmartcols-dev 'libllhttp-dev|node-llhttp'
        ;;
    run)
        packages build
        echo tor-geoipdb libmaxmind-db-writer-perl uap-core
        ;;
    test)
        packages run
        echo libcriterion-dev mmdb-bin:mmdblookup curl:curl gzip:gzip perl python3 \
            ca-certificates nodejs:node npm:npm chromium:chromium nginx-light:nginx strace:strace libfaketime \
            util-linux:prlimit procps:ps
        ;;
    bench)
        packages run
        echo nginx-light:nginx libnginx-mod-http-geoip2 wrk:wrk nodejs:node npm:npm curl:curl jq:jq goaccess:goaccess \
            python3 time
        ;;
    fuzz)
        packages build
        echo clang:clang 'libclang-rt-dev|libclang-rt-14-dev'
        ;;
    lint)
        packages build
        echo cppcheck:cppcheck clang-tidy:clang-tidy shellcheck:shellcheck libcriterion-dev
        ;;
    *)
        echo "usage: packages.sh build|run|test|bench|fuzz|lint" >&2
        exit 2
        ;;
    esac
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_has() {
    apt-cache show "$1" >/dev/null 2>&1
}

# Prints what is missing of the rows given: "PACKAGE", "PACKAGE|OTHER" or "PACKAGE?".
missing() {
    for row; do
        case $row in
        *:*) installed "${row%%:*}" || command -v "${row#*:}" >/dev/null || echo "${row%%:*}" ;;
        *\|*) installed "${row%%|*}" || installed "${row#*|}" || echo "$row" ;;
        *\?) installed "${row%\?}" || ! apt_has "${row%\?}" || echo "$row" ;;
        *) installed "$row" || echo "$row" ;;
        esac
    done
}

# Turns the rows that are missing into names that apt-get takes.
choose() {
    for row; do
        case $row in
        *\|*) if apt_has "${row%%|*}"; then echo "${row%%|*}"; else echo "${row#*|}"; fi ;;
        *) echo "${row%\?}" ;;
        esac
    done
}

# Files are wanted, not daemons: tor-geoipdb brings tor along and nginx-light a web server. What was not
# here before is neither started now (Debian's policy-rc.d; an own one is left alone) nor at the next boot.
install_quietly() {
    log=$(mktemp)
    policy=/usr/sbin/policy-rc.d
    made_policy=
    new_daemons=$(for d in tor nginx; do [ -e /lib/systemd/system/$d.service ] || echo $d; done)
    if [ ! -e $policy ]; then
        made_policy=$policy
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
    fi
    trap 'rm -f "$log"; [ -z "$made_policy" ] || $as_root rm -f $made_policy' EXIT
    if ! $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    for d in $new_daemons; do
        [ ! -e /lib/systemd/system/$d.service ] || ! command -v systemctl >/dev/null ||
            $as_root systemctl disable $d >/dev/null 2>&1
    done
}

kind=${1:-}
rows=$(packages "$kind")
if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is no Debian; please see to it that these are there:" $rows >&2
    exit 0
fi
lacking=$(missing $rows)
[ -n "$lacking" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    # What only makes it faster is no reason to ask for a password.
    case $(echo "$lacking" | grep -v '?$') in '') exit 0 ;; esac
    if ! command -v sudo >/dev/null; then
        echo "packages.sh: some Debian packages are missing. Please run this as root, then try again:" >&2
        echo "    apt-get update && apt-get install --no-install-recommends" $(choose $lacking) >&2
        exit 1
    fi
    as_root=sudo
fi

echo "packages.sh: installing with apt-get what \"$kind\" needs:" $lacking
$as_root apt-get update -qq
# Only now does apt know what this release has.
install_quietly $(choose $(missing $rows))
