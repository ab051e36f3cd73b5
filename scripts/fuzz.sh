#!/bin/sh
# Run fuzz targets under libFuzzer, each for so many seconds; all of them, or those named.
#
#     scripts/fuzz.sh SECONDS [NAME...]
#
# What it learns stays in build/fuzz/corpus/NAME for the next run, which begins with it and with
# tests/fuzz/corpus/NAME.  An input that fails is kept in build/fuzz/failed/, and the others still run.
set -u
cd "$(dirname "$0")/.." || exit 1

seconds=${1:?usage: $0 SECONDS [NAME...]}
shift
failed=
ran=0

for program in build/fuzz/tests/fuzz_*; do
    name=${program##*/fuzz_}
    [ -x "$program" ] || continue
    [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    learned=$PWD/build/fuzz/corpus/$name # absolute: a target may change its folder
    mkdir -p "$learned" build/fuzz/failed
    ran=$((ran + 1))
    echo "==== $name for $seconds s"
    "$program" -max_total_time="$seconds" -timeout=20 -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$PWD/build/fuzz/failed/$name-" -verbosity=0 \
        "$learned" "$PWD/tests/fuzz/corpus/$name" || failed="$failed $name"
done

if [ $ran -eq 0 ]; then
    echo "no fuzz target was run: is it built (make fuzz), and is the name right?" >&2
    exit 1
fi
[ -z "$failed" ] || { echo "failed:$failed; the inputs are in build/fuzz/failed/" >&2; exit 1; }
