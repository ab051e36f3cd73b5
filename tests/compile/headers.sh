#!/bin/sh
# The public headers compile in each standard of C and C++ without a warning, be the user as strict as they like; so
# do the initializers, and the block forms, one in the other.  (That each header stands alone is the house's check.)
#
#     SOURCE_DIR=. CC=gcc tests/compile/headers.sh
set -u

here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DIR=${SOURCE_DIR:-$(cd "$here/../.." && pwd)}
CC=${CC:-cc}
flags="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wwrite-strings -Werror -fsyntax-only"
checked=0
failures=0

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# compiles COMPILER LANGUAGE STANDARD
compiles() {
    command -v "$1" > /dev/null || return
    checked=$((checked + 1))
    # shellcheck disable=SC2086 # flags are words
    "$1" -x "$2" -std="$3" $flags -I"$SOURCE_DIR/include" "$scratch/everything" || {
        failures=$((failures + 1))
        echo "FAILED: $1 -std=$3"
    }
}

cat > "$scratch/everything" << 'END'
#include <lifeguard/lifeguard.h>
#include <lifeguard/sqlite.h>
static struct lg_mutex mutex = LG_MUTEX_INIT("mutex"), other = LG_MUTEX_RECURSIVE_INIT("other");
static struct lg_rwlock rwlock = LG_RWLOCK_INIT("rwlock"), another = LG_RWLOCK_INIT(NULL);
struct lg_pool_options pool_options(void);
struct lg_pool_options pool_options(void)
{
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    struct lg_sqlite_options sqlite = LG_SQLITE_OPTIONS_INIT;
    struct lg_trace_options trace = LG_TRACE_OPTIONS_INIT;
    options.capacity = sqlite.size + trace.size;
    return options;
}
int blocks(void);
int blocks(void)
{
    int sum = 0;
    LG_WITH_MUTEX(&mutex, LG_FOREVER, a)
    {
        LG_WITH_MUTEX(&other, LG_TRY, b) sum += b;
        LG_WITH_READ(&rwlock, lg_after_ms(5), c)
        {
            LG_WITH_WRITE(&another, LG_FOREVER, d) sum += d;
            sum += c + d;
        }
        sum += b + c;
    }
    return sum + a;
}
END

for standard in c11 c17 gnu2x; do
    compiles "$CC" c $standard
    compiles clang c $standard
done
for standard in c++11 c++14 c++17 c++20; do
    compiles g++ c++ $standard
    compiles clang++ c++ $standard
done

echo "headers: $checked compiled, $failures failed"
[ "$failures" -eq 0 ]
