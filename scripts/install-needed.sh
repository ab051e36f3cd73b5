#!/bin/sh
# Install the Debian packages that a target of the Makefile needs and that are not there yet.
#
#     scripts/install-needed.sh build [check] [fuzz] [ci] [bench]
#
# With nothing missing it says nothing, needs no root and touches no network.
set -eu

# Packages that bring a program, if that is not there from elsewhere.
unless_there() {
    command -v "$1" > /dev/null && return
    shift
    echo "$*"
}

packages_of() {
    case $1 in
    build) echo gcc libc6-dev cmake ninja-build pkg-config libsqlite3-dev libdw-dev ;;
    check) echo libcmocka-dev libjansson-dev spin ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    ci) echo clang clang-format libclang-rt-14-dev ;;
    bench)
        echo g++ libnsync-dev libglib2.0-dev libapr1-dev libaprutil1-dev libabsl-dev \
            libmongoc-dev libzdb-dev libhikaricp-java libslf4j-java golang-go python3-sqlalchemy \
            "$(unless_there javac default-jdk-headless)" "$(unless_there npm nodejs npm)"
        ;;
    *)
        echo "usage: $0 build [check] [fuzz] [ci] [bench]" >&2
        exit 2
        ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

wanted=
for group in "$@"; do
    wanted="$wanted $(packages_of "$group")"
done

if ! command -v dpkg-query > /dev/null; then
    echo "Not a Debian system: please see to the equivalents of:$wanted"
    exit 0
fi

missing=
for package in $wanted; do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo > /dev/null; then
    as_root=sudo
else
    echo "These packages are missing, and only root can install them:$missing" >&2
    echo "Run as root, or install sudo:  apt-get install$missing" >&2
    exit 1
fi

echo "Installing with apt-get:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # both are lists
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $missing
