#!/bin/sh
# Each right program: nothing is found in it, no race either, with different seeds and strategies.  The first
# line of one that takes long says how many schedules.
. "$(dirname "$0")/common.sh"

for source in "$here"/right/*; do
    case $source in
    *.cpp) command -v c++ > /dev/null || continue ;;
    esac
    name=$(basename "$source")
    name=${name%.*}
    build "$name" "$source"
    schedules=$(sed -n '1s|^/\* schedules: \([0-9]*\) \*/$|\1|p' "$source")
    schedules=${schedules:-100}
    for strategy in auto random; do
        check 0 explore --races=fail --schedules $schedules --seed 7 --strategy $strategy -- "./$name"
        says "nothing found: $schedules schedules" "$out"
    done
done
finish
