#!/bin/sh
# What exploring costs: a step, a switch, a schedule.
#
#     LIFEGUARD=build/lifeguard bench/explore/costs.sh [ROUNDS]
#
# Steps and switches are timed within the program, by the processor time of its process, in each schedule; the
# figure is the median of all.  A small program's schedules are timed from outside: processor time of user and
# kernel a schedule, and schedules a second by the clock, which means little on a busy machine.  The last row is what
# a program pays that only forks, starts as many threads, and joins them.
set -u

program=$(realpath "${LIFEGUARD:?LIFEGUARD must name the program}") || exit 2
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-40}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder" || exit 1

build() {
    "$program" cc -g -O1 -pthread -o "$1" "$here/costs/$1.c" || exit 2
}

median() {
    sort -n "$1" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

# row NAME FIGURE UNIT GOAL: less is better.
row() {
    awk -v name="$1" -v figure="$2" -v unit="$3" -v goal="$4" 'BEGIN {
        printf "%-50s %9.1f %-3s goal %7.1f  %s\n", name, figure, unit, goal,
            (figure <= goal ? "met" : "missed") }'
}

# inside NAME PROGRAM GOAL OPTIONS...: the first two schedules learn.
inside() {
    name=$1
    timed=$2
    goal=$3
    shift 3
    rm -f "$folder/figures"
    "$program" explore --schedules "$rounds" "$@" -- "./$timed" "$folder/figures" > /dev/null || exit 2
    tail -n +3 "$folder/figures" > "$folder/kept"
    row "$name" "$(median "$folder/kept")" ns "$goal"
}

outside() {
    count=$((rounds * 100))
    { time -p "$program" explore --schedules "$count" --json "$2" -- ./small > "$folder/json"; } \
        2> "$folder/time"
    used=$(awk -v n="$count" '/^(user|sys)/ { s += $2 } END { print s * 1e6 / n }' "$folder/time")
    row "$1, processor time" "$used" us 333
    sed -n 's/.*"schedules_per_second": \([0-9.]*\).*/\1/p' "$folder/json" | awk -v name="$1, a second" '{
        printf "%-50s %9.0f     goal %7d  %s\n", name, $1, 3000, ($1 >= 3000 ? "met" : "missed") }'
}

# The same without an explorer: nothing of it is in this program.
bare() {
    cc -O2 -D_GNU_SOURCE -pthread -o bare "$here/costs/bare.c" || exit 2
    ./bare $((rounds * 100)) | awk '{ printf "%-50s %9.1f us\n", "a fork with three threads, for comparison", $1 }'
}

build steps
build switches
build small
inside "a shared step without a switch, races off" steps 40 --strategy pct --races=off
inside "a shared step without a switch, races on" steps 120 --strategy pct
inside "a switch" switches 1500 --strategy pct --races=off
outside "a schedule of a small program, races off" --races=off
outside "a schedule of a small program" --races=report
bare
