#!/bin/sh
# The bench of programs that fail: its rows, its JSON, and wrong use of it.
. "$(dirname "$0")/common.sh"

bench=$BUILD_DIR/bench/explore

# measure STATUS ARGUMENTS...
measure() {
    expected=$1
    shift
    LIFEGUARD=$program "$bench" "$@" > "$out" 2> "$err"
    status=$?
    [ "$status" -eq "$expected" ] || fail "bench explore $*: status $status, not $expected"
}

# refuses TEXT ARGUMENTS...: exit 2, one line of error with this text.
refuses() {
    text=$1
    shift
    measure 2 "$@"
    says "$text" "$err"
    [ "$(wc -l < "$err")" -eq 1 ] || fail "bench explore $*: not one line of error"
}

measure 0 --list
says "twostage_100" "$out"
measure 0 --trials 3 --only account --only double_free --json figures
grep -Eq '^account +3/3 +[0-9.]+ +[0-9.]+ +[0-9]+ +0 of 0 +1 POS +yes$' "$out" || fail "no row of account"
grep -Eq '^double_free +3/3 +[0-9.]+ +[0-9.]+ +[0-9]+ +1 of 1 +- -$' "$out" || fail "no row of double_free"
says "the   1 that RFF  was tried on, ours" "$out"
says "more preemptions than they need: 2 of 2  goal (9 of 10) met: yes" "$out"
says '"metric": "double_free: most preemptions after shrinking", "unit": "preemptions", "value": 1, ' figures
says '{"bench": "explore", "metric": "account: schedules to the first failure", "unit": "schedules", ' figures
says '"goal": 2, "goal_is": "at most", "met": true}' figures

# Of what cannot be measured the row says why, and the others are measured.
mkdir mixed empty
echo 'int main(void) { return x; }' > mixed/broken.c
echo 'int main(void) { return 0; }' > mixed/plain.c
cp "$here/wrong/relock.c" mixed/
printf '# what\nbare plain.c -fno-sanitize=thread\ntwo relock.c part.c -DN=1\n' > mixed/manifest
echo 'int part;' > mixed/part.c
measure 1 --trials 2 mixed
grep -Eq '^broken +does not compile: .*error' "$out" || fail "what does not compile has another row"
grep -Eq '^bare +cannot be explored: .*not instrumented' "$out" || fail "what is not instrumented has another row"
grep -Eq '^two +2/2 ' "$out" || fail "what has two sources has no row"
grep -Eq '^two .* 0 +- -$' "$out" || fail "what is not known to need any has no preemptions"
grep -q '^part' "$out" && fail "a part is taken for a program"

refuses "No such file" nowhere
refuses "no folder" "$0"
refuses "no C or C++ source" empty
echo 'alone' > empty/manifest
refuses "line 1 is not NAME SOURCE FLAGS" empty
printf 'a a.c\na b.c\n' > empty/manifest
refuses "line 2 has a name that another line has" empty
printf 'plain plain.c\n' > empty/manifest
echo 'plain' > empty/needs
refuses "line 1 is not NAME PREEMPTIONS HOW" empty
refuses "no such program" --only nothing
refuses "a number above 0" --trials 0
refuses "a whole number" --trials 1.5
refuses "at most 1000" --trials 1001
refuses "needs a value" --seconds
refuses "unknown option" --fast 1
refuses "/dev/full/x" --json /dev/full/x
refuses "a folder already" mixed empty
finish
