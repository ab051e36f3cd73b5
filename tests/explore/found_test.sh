#!/bin/sh
# Each wrong program: what is wrong with it is found, with different seeds; the schedule replays, and the
# same seed finds the same schedule.  The first line of each says what is to be found, and by which options.
. "$(dirname "$0")/common.sh"

find_in() {
    source=$1
    name=$(basename "$source" .c)
    wanted=$(sed -n '1s|^/\* finds: \(.*\) \*/$|\1|p' "$source")
    option=${wanted#* }
    wanted=${wanted%% *}
    [ "$option" != "$wanted" ] || option=--races=report
    build "$name" "$source"
    for seed in 1 2; do
        check 1 explore --schedules 3000 --seed "$seed" "$option" --json -o "$name.replay" -- "./$name"
        [ "$(kind)" = "$wanted" ] || fail "$name: found $(kind), not $wanted"
    done
    cp "$name.replay" "$name.first"
    check 1 explore --replay "$name.replay" --json
    [ "$(kind)" = "$wanted" ] || fail "$name: the replay found $(kind), not $wanted"
    check 1 explore --schedules 3000 --seed 2 "$option" -o "$name.replay" -- "./$name"
    says "decides: " "$out"
    [ "$(wc -l < "$out")" -le 20 ] || fail "$name: more than twenty lines"
    cmp -s "$name.first" "$name.replay" || fail "$name: one seed, two schedules"
}

for source in "$here"/wrong/*.c; do
    find_in "$source"
done
# The interleaving is told: who ran until what, and who was preempted where.
check 1 explore --schedules 3000 --json -- ./lost_update
says "T1    until it is about to write balance" "$out"
says "[preempted]" "$out"
says "T2    until its end" "$out"
# What is in the heap is called by the line that has allocated it, also where the deadlock is told.
check 1 explore --schedules 3000 -- ./block_order
says "waits for mutex account:13.mutex (" "$out"
says "holds mutex account:13#2.mutex since" "$out"
finish
