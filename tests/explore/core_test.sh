#!/bin/sh
# The library on itself: small programs over it keep what they assert, and race nowhere, in schedules of fixed
# seeds.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/explored.sh"

for path in "$here"/core/*.c; do
    name=$(basename "$path" .c)
    link "$name" "$name"
    check 0 explore --races=fail --schedules 500 --seed 1 -- "./$name"
    says "nothing found: 500 schedules" "$out"
done
finish
