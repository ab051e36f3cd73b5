#!/bin/sh
# Each right program: nothing is found in it, no race either, with different seeds and strategies.
. "$(dirname "$0")/common.sh"

for source in "$here"/right/*; do
    case $source in
    *.cpp) command -v c++ > /dev/null || continue ;;
    esac
    name=$(basename "$source")
    name=${name%.*}
    build "$name" "$source"
    for strategy in auto random; do
        check 0 explore --races=fail --schedules 100 --seed 7 --strategy $strategy -- "./$name"
        says "nothing found: 100 schedules" "$out"
    done
done
finish
