# What tests of a program from outside share.  Sourced, with $program set to what is tested.
#
#   $folder           a folder of the test's own, gone at its end
#   $out, $err        what the program printed last
set -u

folder=$(mktemp -d "${TMPDIR:-/tmp}/lifeguard-test-XXXXXX") || exit 1
trap 'chmod -R u+rwx "$folder"; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
out=$folder/out
err=$folder/err

# Counted in a file, because the ends of pipes are processes of their own.
fail() {
    echo >> "$folder/failures"
    printf 'FAILED: %s\n' "$*" >&2
    for stream in out err; do
        [ ! -e "$folder/$stream" ] || cut -c 1-500 "$folder/$stream" | sed "s/^/    $stream: /" >&2
    done
}

# check STATUS ARGUMENTS...: run the program; the exit status must be this one.
check() {
    expected=$1
    shift
    "$program" "$@" > "$out" 2> "$err"
    status=$?
    [ "$status" -eq "$expected" ] || fail "$(basename "$program") $*: status $status, not $expected"
}

# says TEXT FILE: the file has this text in it.
says() {
    grep -qF -- "$1" "$2" || fail "\"$1\" is not in $(basename "$2")"
}

# The last line of a test.
finish() {
    [ -e "$folder/failures" ] || return 0
    printf '%s failures\n' "$(wc -l < "$folder/failures")" >&2
    return 1
}
