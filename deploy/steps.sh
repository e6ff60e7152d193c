# Sourced by ./run, ./test and ./build: what the three share.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
configuration=Release
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
export MSBUILDDISABLENODEREUSE=1

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "this step needs root or sudo: $*"
    fi
}

present() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"; }

# need THING:PACKAGE... installs the Debian packages whose thing (a command, or the pattern of a path) is missing.
# A mail or database server that comes with a package is told not to start: the tests start their own on loopback ports.
need() {
    local pair missing=() policy=/usr/sbin/policy-rc.d ours=
    for pair in "$@"; do present "${pair%%:*}" || missing+=("${pair##*:}"); done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || die "please install: ${missing[*]}"
    say "installing ${missing[*]}"
    if [[ ! -e $policy ]]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    local status=0
    apt install -y --no-install-recommends "${missing[@]}" >"$root/artifacts/apt.log" 2>&1 || {
        say "updating the package lists"
        { apt update && apt install -y --no-install-recommends "${missing[@]}"; } >"$root/artifacts/apt.log" 2>&1 || status=$?
    }
    [[ -z $ours ]] || as_root rm -f "$policy"
    if [[ $status -ne 0 ]]; then
        cat "$root/artifacts/apt.log" >&2
        die "apt could not install ${missing[*]}"
    fi
}

# unpack NAME FILE PACKAGE: what a package holds, in artifacts/unpacked/NAME, for one that cannot be installed beside others.
unpack() {
    local folder=$root/artifacts/unpacked/$1
    [[ ! -e $folder/$2 ]] || return 0
    say "unpacking $3"
    mkdir -p "$folder"
    (cd "$folder" && { apt-get -qq download "$3" || { apt update && apt-get -qq download "$3"; }; } && dpkg-deb -x "$3"_*.deb .) \
        >"$root/artifacts/apt.log" 2>&1 || { cat "$root/artifacts/apt.log" >&2; die "apt could not fetch $3"; }
}

need_dotnet() { command -v dotnet >/dev/null || die "please install the .NET 10 SDK"; }

mkdir -p "$root/artifacts"
