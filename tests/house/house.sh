#!/bin/sh
# The rules of the house, as far as a machine can see them.  Each check prints what is wrong; a
# check that prints nothing holds.
#
#     SOURCE_DIR=. BUILD_DIR=build CC=gcc tests/house/house.sh
#
# house-test.sh breaks each rule once and expects a complaint.
set -u

here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DIR=${SOURCE_DIR:-$(cd "$here/../.." && pwd)}
BUILD_DIR=${BUILD_DIR:-$SOURCE_DIR/build}
BUILD_DIR=$(cd "$BUILD_DIR" && pwd) || exit 1
CC=${CC:-cc}
CXX=${CXX:-c++}
cd "$SOURCE_DIR" || exit 1

FILE_LINES=600
FUNCTION_LINES=70

# Checks run with their output captured; a note goes to the reader all the same.
exec 3>&1
note() { echo "note: $*" >&3; }

# files NAME-PATTERN FOLDER...: those of the folders that are there.
files() {
    pattern=$1
    shift
    for folder in "$@"; do
        [ ! -d "$folder" ] || find "$folder" -type f -name "$pattern"
    done | sort
}

check_includes() {
    files '*.[ch]' include src cli examples | xargs awk -f "$here/includes.awk" "$here/floors.txt"
}

# A function is what stands between a { and a } in the first column.
check_sizes() {
    files '*.[ch]' include src cli | xargs awk -v file_max=$FILE_LINES -v max=$FUNCTION_LINES '
        FNR == file_max + 1 { print FILENAME ": over " file_max " lines" }
        /^\{/ { start = FNR }
        /^\}/ && start {
            if (FNR - start + 1 > max)
                print FILENAME ":" start ": a function of " FNR - start + 1 " lines, over " max
            start = 0
        }'
}

written_files() {
    for pattern in '*.[ch]' '*.sh' '*.awk' '*.pml'; do
        files "$pattern" include src cli examples tests bench scripts
    done
}

# This folder has to spell the marks out.
check_marks() {
    written_files | grep -v '^tests/house/' | xargs grep -nwE 'TODO|FIXME|XXX' /dev/null
}

check_whitespace() {
    tab=$(printf '\t')
    written_files | xargs grep -nE "$tab|[[:space:]]\$" /dev/null
}

# Deadlines and ages are told by a clock that never jumps.  src/explore stands in for the calls of the
# programs it runs, so it has to name the others.
check_clocks() {
    calls='gettimeofday|ftime|time|[a-z_]+_timed(lock|wait|rdlock|wrlock)'
    files '*.[ch]' src | grep -v '^src/explore/' |
        xargs grep -nE "CLOCK_(REALTIME|TAI)|TIME_UTC|\\<($calls)\\(" /dev/null
}

# Alone, and twice, in both languages.
check_headers() {
    command -v "$CXX" > /dev/null || note "no C++ compiler: headers are tried in C only"
    for header in $(files '*.h' include); do
        name=${header#include/}
        printf '#include <%s>\n#include <%s>\n' "$name" "$name" > "$scratch/alone.c"
        $CC -std=c11 -Wall -Wextra -Wundef -Wstrict-prototypes -Werror -fsyntax-only -Iinclude \
            -x c "$scratch/alone.c" || echo "$header: does not compile alone in C"
        if command -v "$CXX" > /dev/null; then
            $CXX -std=c++11 -Wall -Wextra -Wundef -Werror -fsyntax-only -Iinclude \
                -x c++ "$scratch/alone.c" || echo "$header: does not compile alone in C++"
        fi
    done
}

# A function without a comment directly above it has no page.
check_documented() {
    files '*.h' include | xargs awk '
        /^LG_API / && match($0 " ", /lg_[a-z0-9_]+\(/) {
            print FILENAME, substr($0, RSTART, RLENGTH - 1)
        }
        /^struct lg_[a-z0-9_]+_options \{/ { print FILENAME, $2 }' > "$scratch/functions"
    [ -s "$scratch/functions" ] || echo "include: no public function was found"
    while read -r header name; do
        [ -f "$BUILD_DIR/man/man3/$name.3" ] || echo "$header: $name is not documented"
    done < "$scratch/functions"
}

render() {
    if command -v man > /dev/null; then
        LC_ALL=C man --warnings -l "$1"
    elif command -v mandoc > /dev/null; then
        mandoc -T lint -W error "$1"
    elif command -v groff > /dev/null; then
        groff -man -ww -T ascii -P -c "$1"
    fi
}

# The functions' pages have their parts, and roff has nothing to say about any page.
check_pages() {
    [ -n "$(command -v man || command -v mandoc || command -v groff)" ] ||
        note "no man, mandoc or groff: pages are not rendered"
    for page in docs/*.1; do
        [ ! -f "$page" ] || render "$page" 2>&1 > /dev/null | sed "s|^|$page: |"
    done
    cd "$BUILD_DIR/man" || return
    for page in man3/*.3; do
        if head -n 1 "$page" | grep -q '^\.so '; then
            target=$(sed 's/^\.so //' "$page")
            [ -f "$target" ] || echo "$page: refers to $target, which is not there"
            continue
        fi
        for part in 'TH .*' 'SH NAME' 'SH SYNOPSIS' 'SH DESCRIPTION' 'SH SEE ALSO'; do
            grep -q "^\\.$part\$" "$page" || echo "$page: has no .$part"
        done
        render "$page" 2>&1 > /dev/null | sed "s|^|$page: |"
    done
}

check_exports() {
    for library in "$BUILD_DIR"/liblifeguard*.so; do
        nm -D --defined-only "$library" | awk -v library="${library##*/}" '
            $NF !~ /^lg_[a-z0-9]/ { print library ": exports " $NF }'
    done
}

check_needed() {
    readelf -d "$BUILD_DIR/liblifeguard.so" | awk '
        /\(NEEDED\)/ { gsub(/[][]/, "", $NF); print $NF }' |
        grep -vE '^(libc\.so\.6|ld-linux.*)$' | sed 's/^/liblifeguard.so: needs /'
}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

broken=0
for check in includes sizes marks whitespace clocks headers documented pages exports needed; do
    # Also what a tool says when it cannot do its work is a complaint, not a success.
    complaints=$(check_$check 2>&1)
    if [ -n "$complaints" ]; then
        broken=$((broken + 1))
        printf 'broken  %s\n%s\n' "$check" "$complaints"
    else
        echo "ok      $check"
    fi
done
[ "$broken" -eq 0 ]
