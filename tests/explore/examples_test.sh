#!/bin/sh
# The twins of examples/explore: what is wrong with the one is found, with fixed seeds; nothing is in the other.
. "$(dirname "$0")/common.sh"

twins=$here/../../examples/explore
count=0
for wrong in "$twins"/*_wrong.c; do
    twin=$(basename "$wrong" _wrong.c)
    count=$((count + 1))
    build "${twin}_wrong" "$wrong" -Wall -Wextra -Werror
    build "${twin}_right" "$twins/${twin}_right.c" -Wall -Wextra -Werror
    for seed in 1 2 3; do
        check 1 explore --schedules 1000 --seed $seed -o replay -- "./${twin}_wrong"
        check 1 explore --replay replay
    done
    check 0 explore --races=fail --schedules 100 -- "./${twin}_right"
done
# Two connections of two are out, and each of their holders wants one more.
check 1 explore --schedules 1000 -o replay -- ./nested_pool_wrong
says "found: deadlock" "$out"
says "T1    waits for semaphore idle (no unit is left, 2 taken)" "$out"
says "holds 1 of semaphore idle since" "$out"
says "take at once what is needed together" "$out"
[ "$count" -eq "$(find "$twins" -name '*_right.c' | wc -l)" ] || fail "a right program has no wrong one"
finish
