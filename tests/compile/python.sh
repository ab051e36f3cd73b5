#!/bin/sh
# Each row of docs/python.md is C that compiles, and no name of Python's threading is left out.
#
#     SOURCE_DIR=. CC=gcc tests/compile/python.sh
#
# A row's second column has its lines as code spans, between which stand <br>.  They are put into a function, behind
# the block of C that the page begins with.
set -u

here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DIR=${SOURCE_DIR:-$(cd "$here/../.." && pwd)}
CC=${CC:-cc}
page=$SOURCE_DIR/docs/python.md

NAMES='Lock RLock Condition Semaphore BoundedSemaphore Event Barrier BrokenBarrierError Thread Timer local
    get_ident active_count current_thread enumerate main_thread TIMEOUT_MAX ThreadError setprofile settrace
    getprofile gettrace stack_size excepthook ExceptHookArgs get_native_id
    wait_for notify notify_all abort reset broken n_waiting parties action'

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
}

awk '/^```c$/ { is_code = 1; next } /^```$/ { is_code = 0 } is_code' "$page" > "$scratch/prelude"
grep -q '#include <lifeguard/lifeguard.h>' "$scratch/prelude" || fail "the page has no block of C to begin with"

# rows: "LINE-NUMBER<tab>code" for each row of a table, its lines joined by <br>.
awk -F'|' '/^\| `|^\| [a-z]/ && NF > 4 { print NR "\t" $3 }' "$page" > "$scratch/rows"
[ "$(wc -l < "$scratch/rows")" -gt 30 ] || fail "the page has hardly any rows"

while IFS="$(printf '\t')" read -r number code; do
    program=$scratch/row.c
    {
        cat "$scratch/prelude"
        printf 'int is_ready(void *arg) { return arg == &count; }\n'
        printf 'int swap(void *arg) { return arg == &count; }\n'
        printf 'void *work(void *arg) { return arg; }\nvoid remind(void *arg) { (void)arg; }\n'
        printf 'int row(void);\nint row(void) LG_NO_THREAD_SAFETY_ANALYSIS\n{\n'
        echo "$code" | sed 's/<br>/\n/g' | sed 's/^ *`//; s/` *$//'
        printf '    return status + count + (int)index_ + (result == NULL);\n}\n'
    } > "$program"
    $CC -std=gnu17 -Wall -Wextra -Wno-unused-variable -Wno-unused-function -Wno-misleading-indentation \
        -Werror -O1 -I"$SOURCE_DIR/include" -c -o /dev/null "$program" > "$scratch/output" 2>&1 || {
        fail "docs/python.md:$number does not compile: $code"
        cat "$scratch/output"
    }
done < "$scratch/rows"

for name in $NAMES; do
    grep -qw -- "$name" "$page" || fail "docs/python.md says nothing about $name"
done

echo "python: $(wc -l < "$scratch/rows") rows, $failures failed"
[ "$failures" -eq 0 ]
