# The library, compiled to be explored, and programs over it.  Sourced, after common.sh.
#
#   EXPLORED  the library as an archive

archive=${EXPLORED:?EXPLORED must name the library that was compiled to be explored}
source=$here/../..

# link NAME PROGRAM FILES...: a program of core/, with sources in the place of those of the archive.
link() {
    name=$1
    program_source=$here/core/$2.c
    shift 2
    "$program" cc -std=gnu17 -O1 -g -Wall -Wextra -Werror -DLG_EXPLORED=1 -ftls-model=initial-exec \
        -I"$folder/$name.d/src" -I"$source/include" -I"$source/src" -I"$here/core" \
        -o "$name" "$program_source" "$@" "$archive" -pthread > "$out" 2> "$err" ||
        fail "$name does not compile"
}
