#!/bin/sh
# Programs that are wrong have to be told so by the compiler, and right ones must not be.
#
#     SOURCE_DIR=. CC=gcc tests/compile/run.sh
#     SOURCE_DIR=. CLANG=clang tests/compile/run.sh clang
#
# A program says in lines of its own what it expects of which compiler:
#
#     // gcc: a part of the warning
#     // clang: a part of the warning
#
# One without such a line must compile without any.  "gcc" is $CC, whatever it is, and what is run without an
# argument; "clang" is what $CLANG names, with its thread-safety analysis.
#
# Besides, every public function that returns a status is called once with its result thrown away,
# in programs made here from the headers, by $CC.
set -u

here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DIR=${SOURCE_DIR:-$(cd "$here/../.." && pwd)}
CC=${CC:-cc}
CLANG=${CLANG:-clang}

# Functions whose number is an answer and not a status, or whose failure nobody can do much about.
MAY_BE_IGNORED='lg_version lg_cancel_is_requested lg_report_print
    lg_mutex_is_held lg_robust_mutex_is_held lg_rwlock_is_held
    lg_event_is_set lg_latch_count lg_barrier_is_broken lg_barrier_waiting lg_barrier_parties
    lg_once_is_done lg_thread_is_running
    lg_pool_clear lg_pool_ready
    lg_pool_close lg_pool_stats lg_pool_advice lg_pool_evict
    lg_pool_suspend lg_pool_resume'

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
output=$scratch/output
failures=0
tried=0

fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    cat "$output"
}

compile() {
    tried=$((tried + 1))
    "$@" -std=gnu17 -Wall -Wextra -Werror -O1 -I"$SOURCE_DIR/include" -c -o /dev/null \
        "$program" > "$output" 2>&1
}

# judge NAME COMPILER...: does the program get what it expects of this compiler?
judge() {
    name=$1
    shift
    expected=$(sed -n "s|^// $name: ||p" "$program")
    if [ -z "$expected" ]; then
        compile "$@" || fail "${program##*/}: $name complains about a right program"
    elif compile "$@"; then
        fail "${program##*/}: $name has nothing to say, expected: $expected"
    else
        echo "$expected" | while read -r line; do
            grep -qF -- "$line" "$output" || exit 1
        done || fail "${program##*/}: $name says something else, expected: $expected"
    fi
}

# end: say how it went; what the whole returns.
end() {
    echo "compile: $tried compilations, $failures failed"
    [ "$failures" -eq 0 ]
}

if [ "${1:-gcc}" = clang ]; then
    for program in "$here"/*.c; do
        judge clang "$CLANG" -Wthread-safety
    done
    end
    exit
fi

for program in "$here"/*.c; do
    judge gcc "$CC"
done

# calls: "NAME(0, 0)" for each public function that returns an int, from its declaration.
calls() {
    cat "$SOURCE_DIR"/include/lifeguard/*.h | awk '
        /^LG_API/ { text = ""; is_open = 1 }
        is_open { text = text " " $0 }
        is_open && /;/ {
            is_open = 0
            if (text !~ /^ LG_API (LG_MUST_CHECK )?int /)
                next
            match(text, /lg_[a-z0-9_]+\(/)
            name = substr(text, RSTART, RLENGTH - 1)
            parameters = substr(text, RSTART + RLENGTH)
            sub(/\).*/, "", parameters)
            zeros = (parameters == "void") ? "" : "0"
            for (i = gsub(/,/, "", parameters); i > 0; i--)
                zeros = zeros ", 0"
            print name "(" zeros ")"
        }'
}

calls > "$scratch/calls"
[ "$(wc -l < "$scratch/calls")" -gt 20 ] || fail "the headers have hardly any functions"
program=$scratch/unchecked.c
while read -r call; do
    case " $(echo $MAY_BE_IGNORED) " in *" ${call%%(*} "*) continue ;; esac
    printf '#include <lifeguard/lifeguard.h>\n#include <lifeguard/sqlite.h>\n' > "$program"
    printf 'void f(void);\nvoid f(void) LG_NO_THREAD_SAFETY_ANALYSIS\n{\n    %s;\n}\n' "$call" \
        >> "$program"
    if compile "$CC" -Wno-nonnull; then
        fail "$call: its status may be thrown away"
    elif ! grep -q 'warn_unused_result' "$output"; then
        fail "$call: does not compile, but not for its status"
    fi
done < "$scratch/calls"

end
