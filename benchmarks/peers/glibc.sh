#!/bin/sh
# Puts the C library of a newer Debian into the folder glibc beside this file, for a peer's binary that needs it.
# Nothing of the machine changes. Does nothing where the machine's own is new enough, or apt is not Debian's. Idempotent.
set -eu
cd "$(dirname "$0")"
needed=2.39 # of Tailcall's binary: benchmarks/load/contestants.py
release=trixie

own=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
sources=/etc/apt/sources.list.d/debian.sources
if [ -d glibc/lib ] || [ -z "$own" ] || [ "$(uname -m)" != x86_64 ] || [ ! -r "$sources" ] ||
    [ "$(printf '%s\n' "$needed" "$own" | sort -V | head -n 1)" = "$needed" ]; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
. /etc/os-release
# The first paragraph is the archive's; those of updates and security have no such release under another name.
sed -n '1,/^$/p' "$sources" | sed "s/^Suites:.*/Suites: $release/; s/$VERSION_CODENAME/$release/g" >"$work/newer.sources"
of_newer() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/newer.sources" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
if of_newer update && (cd "$work" && of_newer download libc6 libgcc-s1); then
    for package in "$work"/*.deb; do
        dpkg-deb -x "$package" "$work/root"
    done
    mkdir -p glibc
    cp -R "$work/root/usr/lib/x86_64-linux-gnu" glibc/lib
else
    echo "No newer C library: peers that need it are left out." >&2
fi
