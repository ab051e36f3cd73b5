#!/bin/sh
# That core_test.sh can fail: errors put into the library, those that it once had among them, are found, and
# their schedules replay.  A mutant is a patch; what is before it names a program of core/ and what is to be found.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/explored.sh"

entry() {
    sed -n "1,/^---/s/^$1: //p" "$patch"
}

# Copy what the patch changes, and change it.
apply() {
    mutated=$(sed -n 's|^+++ b/||p' "$patch")
    mkdir -p "$name.d/$(dirname "$mutated")"
    cp "$source/$mutated" "$name.d/$mutated"
    patch -s -p1 -F0 -d "$name.d" < "$patch" > "$out" 2> "$err" || fail "$name: the patch does not fit any more"
}

for patch in "$here"/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    wanted=$(entry Finds)
    apply
    case $(entry Program) in
    raw_lock) link "$name" raw_lock -w ;; # has the file within
    *) link "$name" "$(entry Program)" -w "$name.d/$mutated" ;;
    esac
    check 1 explore --schedules 10000 --seed 1 --shrink 0 --json -o replay -- "./$name"
    found=$(kind)
    case " $wanted " in
    *" $found "*) ;;
    *) fail "$name: found ${found:-nothing}, not $wanted" ;;
    esac
    check 1 explore --replay replay --json
    [ "$(kind)" = "$found" ] || fail "$name: the replay found $(kind), not $found"
done
finish
