#!/bin/sh
# What `make install` copies is complete: a program is compiled with it, shared and static, the explorer finds its
# runtime, and the libraries export what the headers declare and nothing else.
#
#   BUILD_DIR, SOURCE_DIR  where it was built, and from what
BUILD_DIR=${BUILD_DIR:?BUILD_DIR must name the folder of the build}
SOURCE_DIR=${SOURCE_DIR:?SOURCE_DIR must name the folder of the source}
CC=${CC:-cc}
program=$BUILD_DIR/lifeguard
. "$(dirname "$0")/../support/program.sh"

# run ARGUMENTS...: it has to end well.
run() {
    "$@" > "$out" 2>&1 || fail "$*"
}

# Not where it was configured for; and `make uninstall` is still about what was installed before.
manifest=$BUILD_DIR/install_manifest.txt
[ ! -e "$manifest" ] || cp "$manifest" "$folder/manifest"
run cmake --install "$BUILD_DIR" --prefix "$folder/here"
rm -f "$manifest"
[ ! -e "$folder/manifest" ] || cp "$folder/manifest" "$manifest"

library=$(find "$folder/here" -name liblifeguard.so)
PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig
export PKG_CONFIG_PATH

# ---- What is exported ----

# declared HEADERS...: the functions behind LG_API.
declared() {
    cat "$@" | awk '
        /^LG_API / { text = "" ; is_in = 1 }
        is_in      { text = text $0 }
        is_in && match(text, /lg_[a-z0-9_]+\(/) { print substr(text, RSTART, RLENGTH - 1); is_in = 0 }' | sort
}

# same LIBRARY HEADERS...
same() {
    nm -D --defined-only "$(dirname "$library")/$1" | awk '{ print $3 }' | sort > "$folder/exported"
    shift
    declared "$@" > "$folder/declared"
    [ -s "$folder/declared" ] || fail "no declarations are found"
    diff "$folder/declared" "$folder/exported" > "$out" || fail "declared (<) and exported (>) differ"
}
headers=$SOURCE_DIR/include/lifeguard
# shellcheck disable=SC2046 # no name has a blank
same liblifeguard.so $(find "$headers" -name '*.h' ! -name sqlite.h)
same liblifeguard-sqlite.so "$headers/sqlite.h"

# ---- Programs ----

# Of a build with sanitizers, programs would need these too.
if ! readelf -d "$library" | grep -qE 'NEEDED.*lib(a|t|ub)san'; then
    program=$SOURCE_DIR/examples/nested.c
    cd "$folder" || exit 1
    # shellcheck disable=SC2046 # flags are words
    run "$CC" "$program" -o shared $(pkg-config --cflags --libs lifeguard-sqlite)
    run env LD_LIBRARY_PATH="$(dirname "$library")" ./shared
    # shellcheck disable=SC2046
    run "$CC" "$SOURCE_DIR/examples/transfer.c" -static -o static $(pkg-config --cflags --static --libs lifeguard)
    run ./static
    run "$folder/here/bin/lifeguard" cc "$CC" -g "$SOURCE_DIR/examples/explore/counter_right.c" -o explored
    run "$folder/here/bin/lifeguard" explore --schedules 10 -- ./explored
fi
run test -s "$folder/here/share/man/man1/lifeguard.1"
run test -s "$folder/here/share/man/man3/lg_pool_create.3"

finish
