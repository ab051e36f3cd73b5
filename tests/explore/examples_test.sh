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
[ "$count" -eq "$(find "$twins" -name '*_right.c' | wc -l)" ] || fail "a right program has no wrong one"
finish
