#!/bin/sh
# A check that cannot fail is worthless: this builds a small tree in which all rules hold, breaks
# each rule once, and expects house.sh to fail in that check and to say why.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=${SOURCE_DIR:-$(cd "$here/../.." && pwd)}
CC=${CC:-cc}
export CC

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
output=$scratch/output

# The good tree: a header, a folder for each floor, a program, a library, a page.
plant() {
    rm -rf "$tree"
    mkdir -p "$tree/build/man/man3" "$tree/include/lifeguard"
    cd "$tree"
    for folder in plat graph sync pool coll exec share drivers watch explore; do
        mkdir -p "src/$folder"
        printf '#include <stdint.h>\n#include <lifeguard/small.h>\n' > "src/$folder/small.h"
        printf '#include "%s/small.h"\n' "$folder" > "src/$folder/small.c"
    done
    mkdir cli
    printf '#include <lifeguard/small.h>\n' > cli/verb.h
    printf '#include "verb.h"\n' > cli/main.c
    cat > include/lifeguard/small.h << END
/* A small header. */
#ifndef LIFEGUARD_SMALL_H
#define LIFEGUARD_SMALL_H
#ifdef __cplusplus
#define LG_BEGIN_DECLS extern "C" {
#define LG_END_DECLS }
#else
#define LG_BEGIN_DECLS
#define LG_END_DECLS
#endif
#define LG_API __attribute__((visibility("default")))
LG_BEGIN_DECLS

/* Do what is right.
 * Returns: 0. */
LG_API int lg_small(int number);

LG_END_DECLS
#endif
END
    printf 'int lg_small(int number);\nint lg_small(int number)\n{\n    return number;\n}\n' \
        > src/plat/library.c
    build
}

# As CMakeLists.txt does it; more arguments are more sources.
build() {
    $CC -shared -fPIC -Iinclude -Isrc -o build/liblifeguard.so src/plat/library.c "$@"
    awk -v out=build/man/man3 -v version=0 -f "$source/scripts/manpages.awk" include/lifeguard/*.h
}

house() {
    SOURCE_DIR=$tree BUILD_DIR=$tree/build "$here/house.sh" > "$output" 2>&1
}

failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    cat "$output"
}

# expect CHECK WORDS: in the tree as it is now, this check alone is broken, and it says these words.
expect() {
    if house; then
        fail "a broken '$1' went unseen ($2)"
    elif [ "$(grep '^broken' "$output")" != "broken  $1" ] || ! grep -qF -- "$2" "$output"; then
        fail "'$1' should have been broken, saying: $2"
    fi
    plant
}

# lines N: as many lines of comment.
lines() { awk -v n="$1" 'BEGIN { while (n-- > 0) print "/* line */" }'; }

plant
house || fail "the tree in which all rules hold"

# Floors.
echo '#include "graph/small.h"' >> src/plat/small.c
expect includes 'src/plat/small.c:2: graph/small.h: floor 0 includes floor 1'
echo '#include "coll/small.h"' >> src/pool/small.c
expect includes 'floor 3 includes floor 3'
echo '#include "pool/small.h"' >> src/coll/small.h
expect includes 'src/coll/small.h:3: pool/small.h: floor 3 includes floor 3'
echo '#include "explore/small.h"' >> src/exec/small.c
expect includes 'nobody includes src/explore'
echo '#include "explore/small.h"' >> src/watch/small.c
expect includes 'nobody includes src/explore'
echo '#include "drivers/small.h"' >> src/exec/small.c
expect includes 'nobody includes src/drivers'
echo '#include "plat/small.h"' >> src/drivers/small.c
expect includes 'src/drivers includes public headers and its own only'
echo '#include "plat/small.h"' >> cli/main.c
expect includes 'only public headers and those of cli'
echo '#include <sqlite3.h>' >> src/pool/small.c
expect includes 'this client library is for src/drivers/sqlite'
echo '#include "plat/small.h"' >> include/lifeguard/small.h
mkdir include/plat && touch include/plat/small.h # so that it compiles, and only the floor is wrong
touch include/lifeguard/plat.h
expect includes 'public headers include <lifeguard/...> only'
echo '#include <lifeguard/large.h>' >> cli/main.c
expect includes 'there is no such public header'
echo '#include "../plat/small.h"' >> src/pool/small.c
expect includes 'a relative path'
echo '#include <lifeguard/../small.h>' >> src/pool/small.c
expect includes 'a relative path'
echo '#include <plat/small.h>' >> src/pool/small.c
expect includes 'angle brackets are for public headers'
echo '#include "lifeguard/small.h"' >> src/pool/small.c
expect includes 'public headers are written <lifeguard/small.h>'
echo '#include "small.h"' >> src/pool/small.c
expect includes 'internal headers are written "folder/name.h"'
mkdir src/attic && echo > src/attic/small.c
expect includes 'its folder has no line in floors.txt'

# Lengths, at the limit and one over it.
lines 600 > src/pool/long.c
{ echo 'void f(void)'; echo '{'; lines 68; echo '}'; } > src/pool/function.c
house || fail "a file of 600 lines and a function of 70"
plant
lines 601 > src/pool/long.c
expect sizes 'src/pool/long.c: over 600 lines'
{ echo 'void f(void)'; echo '{'; lines 69; echo '}'; } > cli/function.c
expect sizes 'cli/function.c:2: a function of 71 lines'

# Marks and white space.
echo '/* TODO: later */' >> src/pool/small.c
expect marks 'src/pool/small.c:2:'
echo '/* FIXME */' >> cli/main.c
expect marks 'FIXME'
echo '/* XXX */' >> include/lifeguard/small.h
expect marks 'XXX'
printf 'int a; \n' >> src/pool/small.c
expect whitespace 'src/pool/small.c:2:'
printf '\tint a;\n' >> cli/main.c
expect whitespace 'cli/main.c:2:'

# Clocks: src/explore alone names one that may be set.
settable='clock_gettime(CLOCK_REALTIME,&now) gettimeofday(&now,0) time(0) timespec_get(&now,TIME_UTC)
    pthread_mutex_timedlock(&mutex,&until)'
for call in $settable; do
    echo "void f(void) { $call; }" >> src/explore/small.c
done
echo 'void f(void) { lifetime(0), clock_gettime(CLOCK_MONOTONIC, &now); }' >> src/plat/small.c
house || fail "settable clocks in src/explore, and one that does not jump elsewhere"
plant
for call in $settable; do
    echo "void f(void) { $call; }" >> src/plat/small.c
    expect clocks 'src/plat/small.c:2:'
done

# Public headers.
echo 'size_t lg_size;' >> include/lifeguard/small.h
expect headers 'include/lifeguard/small.h: does not compile alone in C'
echo 'static const int lg_twice = 1;' >> include/lifeguard/small.h
expect headers 'include/lifeguard/small.h: does not compile alone in C'
if command -v "${CXX:-c++}" > /dev/null; then
    echo 'extern int class;' >> include/lifeguard/small.h
    expect headers 'include/lifeguard/small.h: does not compile alone in C++'
fi
sed -i 's/^LG_END_DECLS/LG_API int lg_silent(void);\n&/' include/lifeguard/small.h
build
expect documented 'include/lifeguard/small.h: lg_silent is not documented'
sed -i 's/^LG_BEGIN_DECLS/struct lg_small_options {\n    int size;\n};\n\n&/' include/lifeguard/small.h
build
expect documented 'include/lifeguard/small.h: lg_small_options is not documented'

# Man pages.
sed -i '/^.SH NAME/d' build/man/man3/lg_small.3
expect pages 'man3/lg_small.3: has no .SH NAME'
echo '.so man3/lg_gone.3' > build/man/man3/lg_alias.3
expect pages 'man3/lg_alias.3: refers to man3/lg_gone.3'
if [ -n "$(command -v man || command -v groff)" ]; then
    echo '\fZunknown font' >> build/man/man3/lg_small.3
    expect pages 'man3/lg_small.3: '
fi

# The shared library.
echo 'int foreign; int foreign = 1;' > build/more.c
build build/more.c
expect exports 'liblifeguard.so: exports foreign'
echo 'int lg__hidden(void); int lg__hidden(void) { return 1; }' > build/more.c
build build/more.c
expect exports 'liblifeguard.so: exports lg__hidden'
echo 'double sin(double); double lg_sin(double); double lg_sin(double x) { return sin(x); }' \
    > build/more.c
build build/more.c -lm
expect needed 'liblifeguard.so: needs libm.so.6'
rm build/liblifeguard.so
if house; then fail "a missing library went unseen"; fi

echo "house-test: $failures failed"
[ "$failures" -eq 0 ]
