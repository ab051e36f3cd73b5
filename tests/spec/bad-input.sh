#!/bin/sh
# The runner of schedule specs and what it must refuse: each on one line, with the number of the line that is
# wrong and words that say why.
#
#   SPEC  the program
set -u

program=${SPEC:?SPEC must name the program}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/spec-test-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
out=$scratch/out
bad=$scratch/bad.spec
: > "$scratch/tried"
: > "$scratch/failures"

# Counted in files, because the ends of pipes are processes of their own.
fail() {
    echo >> "$scratch/failures"
    echo "FAILED: $*"
    sed 's/^/    /' "$out"
}

# run STATUS ARGUMENTS...: the exit status must be this one; a sanitizer's would be another.
run() {
    expected=$1
    shift
    echo >> "$scratch/tried"
    "$program" "$@" > "$out" 2>&1
    status=$?
    [ "$status" -eq "$expected" ] || fail "spec $*: status $status, not $expected"
}

# refuses LINE WORDS: what is on standard input, as a file.
refuses() {
    cat > "$bad"
    run 1 "$bad"
    [ "$(wc -l < "$out")" -eq 1 ] || fail "not one line"
    grep -qF -- "$bad:$1: " "$out" || fail "line $1 is not named"
    grep -qF -- "$2" "$out" || fail "\"$2\" is not said"
}

# A file that is right, with the line "X" in it replaced by standard input: 5 is its number.
right() {
    printf '# Edges: none.\nmutex m\npool p 2\nthread A\nX\n    A2 release\nthread B\n'
    printf '    B1 lock m\n    B2 exit\nschedule A1 B1\n    A1 ok\n    B1 waits for mutex m of A\n    B1 still waits\n'
}
with() {
    right | sed "s/^X\$/$1/"
}
with '    A1 lock m' > "$bad"
run 0 "$bad"

run 2
run 2 --print
run 2 --unknown
run 1 "$scratch/absent.spec"
run 1 "$scratch"

: > "$bad"
refuses 1 'there is no schedule' < /dev/null
printf 'mutex m\n' | refuses 1 'which edges are to be expected'
printf '# Prose.\n' | refuses 2 'there is no schedule'
printf '# Prose.\nschedule A1\n' | refuses 2 'a schedule needs steps'
printf '# Prose.\nmutex \0\n' | refuses 2 'not a text file'
printf '# Prose.\n\tmutex m\n' | refuses 2 'no tabs'
printf '# Prose.\nmutex \377\n' | refuses 2 'a character that is none'
printf '# Prose.\nfence f\n' | refuses 2 '"fence" is no kind of object'
printf '# Prose.\n    A1 lock m\n' | refuses 2 'an indented line belongs'
printf '# Prose.\nmutex\n' | refuses 2 'a mutex has a name'
printf '# Prose.\nmutex 1m\n' | refuses 2 '"1m" is no name'
printf '# Prose.\nmutex a-name-of-20-letters\n' | refuses 2 'is no name'
printf '# Prose.\nmutex m\nmutex m\n' | refuses 3 'there is a "m" already'
printf '# Prose.\nmutex m\nthread m\n' | refuses 3 'there is a "m" already'
printf '# Prose.\nmutex m 3\n' | refuses 2 '"3" says nothing about a mutex'
printf '# Prose.\nmutex m recursive twice\n' | refuses 2 '"twice" says nothing'
printf '# Prose.\npool p\n' | refuses 2 'a pool has a number'
printf '# Prose.\npool p 0\n' | refuses 2 'a pool has a number'
printf '# Prose.\npool p -1\n' | refuses 2 'a pool has a number'
printf '# Prose.\npool p 99999999999999999999\n' | refuses 2 'a pool has a number'
printf '# Prose.\nlatch l\n' | refuses 2 'a latch has a number'
printf '# Prose.\nevent e manual\n' | refuses 2 '"manual" says nothing about'
printf '# Prose.\nthread\n' | refuses 2 'a thread has one name'
printf '# Prose.\nthread A B\n' | refuses 2 'a thread has one name'
printf '# Prose.\nthread A\nmutex m\n' | refuses 3 'objects come before threads'

with '    A1' | refuses 5 'an action is missing'
with '    A1 lock' | refuses 5 '"lock" of what?'
with '    A1 lock x' | refuses 5 'there is no object "x"'
with '    A1 lock p' | refuses 5 'no lock for pool p: there are checkout'
with '    A1 lock m within 1' | refuses 5 '"within" says nothing about lock'
with '    A1 lock m within 0 h' | refuses 5 '"within" says nothing'
with '    A1 unlock m within 1 h' | refuses 5 '"within" says nothing about unlock'
with '    A1 lock m,' | refuses 5 'an action is missing'
with '    A1 , lock m' | refuses 5 'an action is missing'
with '    A1 exit m' | refuses 5 'no exit for mutex m'
with '    A1 join' | refuses 5 'join of what?'
with '    A1 join X' | refuses 5 'there is no thread "X"'
with '    A1 join m' | refuses 5 'm is nothing for join'
with '    A1 join 7' | refuses 5 'there is no thread "7"'
with '    A1 join B B' | refuses 5 '"B" says nothing about join'
with '    A1 any' | refuses 5 'any of what?'
with '    A1 any within 1 h' | refuses 5 'any of what?'
with '    A1 any m x' | refuses 5 'there is no thread "x"'
with '    A1 any m p' | refuses 5 'p is nothing for any'
with '    A1 all m B B B B' | refuses 5 'more than 4 things'
with '    A1 all m B within 1' | refuses 5 '"within" says nothing about all'
with '    A1 lock m, exit' | refuses 6 'no step comes after exit'
with '    A1 exit, release' | refuses 5 'no action comes after exit'
with '    A2 lock m' | refuses 6 'there is a "A2" already'
with '    m lock m' | refuses 5 'there is a "m" already'
with '    A1 try m, try m, try m, try m, try m' | refuses 5 'more than 4 actions'
with 'every' | refuses 5 '"every" is followed by "schedule"'
with 'every schedule' | refuses 5 'a schedule needs steps'

{
    with '    A1 lock m'
    printf 'schedule A2 A1\n'
} | refuses 14 'step A1 comes after A2'
{
    with '    A1 lock m'
    printf 'schedule A1 A1\n'
} | refuses 14 'step A1 comes after A1'
{
    with '    A1 lock m'
    printf 'schedule\n'
} | refuses 14 'a schedule has steps'
{
    with '    A1 lock m'
    printf 'schedule A1 A9\n'
} | refuses 14 'there is no step "A9"'
{
    with '    A1 lock m'
    printf 'thread C\n'
} | refuses 14 'threads come before schedules'
{
    with '    A1 lock m'
    printf 'schedule A1\n    A9 ok\n'
} | refuses 15 'there is no step "A9"'
{
    with '    A1 lock m'
    printf 'schedule A1\n    A1\n'
} | refuses 15 'what comes of A1?'
{
    with '    A1 lock m'
    printf 'every schedule\n    some all ok\n'
} | refuses 15 '"some" is no number'

{
    printf '# Prose.\n'
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do echo "mutex m$i"; done
} | refuses 18 'more than 16 objects'
{
    printf '# Prose.\n'
    for i in 1 2 3 4 5 6 7 8 9; do echo "thread T$i"; done
} | refuses 10 'more than 8 threads'
head -c 70000 /dev/zero | tr '\0' '#' | refuses 1 'more than 65536 bytes'
{
    printf '# Prose.\nmutex '
    head -c 3000 /dev/zero | tr '\0' 'm'
} | refuses 2 'the line is too long'
{
    printf '# Prose.\nmutex'
    for i in 1 2 3 4 5 6 7 8; do printf ' a a a a a a a a'; done
} | refuses 2 'the line is too long'

# What is not so is said, with what came instead; and an order that has too many forms too.
with '    A1 try m' | sed 's/still waits/ok/' > "$bad"
run 1 "$bad"
grep -qF "FAILED  $bad:10" "$out" || fail "the schedule is not named"
grep -qF -- '- B1 ok' "$out" || fail "what was expected is not said"
grep -qF -- '+ B1 still waits' "$out" || fail "what came is not said"
{
    printf '# Prose.\nmutex m\n'
    for t in A B C D E F; do
        printf 'thread %s\n    %s1 try m\n    %s2 release\n' "$t" "$t" "$t"
    done
    printf 'every schedule\n'
} > "$bad"
run 1 "$bad"
grep -qF 'more than 5000 schedules' "$out" || fail "too many schedules are not refused"

echo "bad-input: $(wc -l < "$scratch/tried") runs, $(wc -l < "$scratch/failures") failed"
[ ! -s "$scratch/failures" ]
