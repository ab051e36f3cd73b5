#!/bin/sh
# How soon programs fail under `lifeguard explore`.
#
#     LIFEGUARD=build/lifeguard bench/explore/run.sh [DIR [TRIALS [SECONDS]]]
#
# DIR has C and C++ programs, one file each; or a file `manifest` with lines NAME SOURCE FLAGS for those that
# need flags or are built more than once; other sources beside a manifest are programs as well.  Each is run
# TRIALS times (20), with seeds from 1, until it fails, for at most SECONDS (60).  A row has the trials that
# failed, medians of schedules and seconds to the failure, schedules a second over all trials, and the best
# published median of schedules (published.txt).
set -u

program=${LIFEGUARD:?LIFEGUARD must name the program}
here=$(cd "$(dirname "$0")" && pwd)
sources=$(cd "${1:-$here/programs}" && pwd) || exit 2
trials=${2:-20}
seconds=${3:-60}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

# Lines NAME SOURCE FLAGS: the manifest's, then the sources that it does not name.
list() {
    [ ! -f "$sources/manifest" ] || grep -v '^#' "$sources/manifest"
    for source in "$sources"/*.c "$sources"/*.cc "$sources"/*.cpp "$sources"/*.C; do
        [ -f "$source" ] || continue
        name=$(basename "$source")
        { [ -f "$sources/manifest" ] && grep -q "[[:space:]]$name\\b" "$sources/manifest"; } ||
            echo "${name%.*} $name"
    done
}

value() {
    sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$2"
}

# One trial a line: whether it failed, schedules, seconds.
try() {
    for seed in $(seq "$trials"); do
        "$program" explore --seconds "$seconds" --seed "$seed" --json -o "$folder/replay" \
            -- "$folder/$1" > "$folder/json" 2> "$folder/err"
        status=$?
        if [ $status -gt 1 ]; then
            head -n 1 "$folder/err" >&2
            return
        fi
        echo "$status $(value schedules "$folder/json" | head -n 1) $(value seconds "$folder/json")"
    done
}

row() {
    awk -v name="$1" -v published="$(awk -v name="$1" '$1 == name { print $2 }' "$here/published.txt")" '
        { schedules += $2; seconds += $3; if ($1) { found++; s[found] = $2; t[found] = $3 } }
        function median(a, n,    i, j, x) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j - 1] + 0 > a[j] + 0; j--) { x = a[j]; a[j] = a[j - 1]; a[j - 1] = x }
            return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
        }
        END {
            if (!NR) { printf "%-20s cannot be run\n", name; exit }
            printf "%-20s %3d/%-3d", name, found, NR
            if (found) printf " %11.1f %9.4f", median(s, found), median(t, found)
            else printf " %11s %9s", "-", "-"
            printf " %9.0f %10s\n", seconds ? schedules / seconds : 0, published == "" ? "-" : published
        }'
}

printf '%-20s %7s %11s %9s %9s %10s\n' program found schedules seconds per-s published
list | while read -r name source flags; do
    # shellcheck disable=SC2086 # flags are words
    if "$program" cc -g -O0 -w -pthread $flags -o "$folder/$name" "$sources/$source" -lm 2> "$folder/err"; then
        try "$name" | row "$name"
    else
        printf '%-20s does not compile\n' "$name"
    fi
done
