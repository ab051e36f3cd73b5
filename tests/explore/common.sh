# What the explorer's tests share.  Sourced.
#
#   LIFEGUARD  the program
#   CC         the compiler that the library was built with
set -u

program=${LIFEGUARD:?LIFEGUARD must name the program}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/lifeguard-explore-test-XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder" || exit 1
out=$folder/out
err=$folder/err
failures=0

fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$*" >&2
    cut -c 1-500 "$out" | sed 's/^/    out: /' >&2
    cut -c 1-500 "$err" | sed 's/^/    err: /' >&2
}

# build NAME SOURCE FLAGS...: with `lifeguard cc`.
build() {
    name=$1
    source=$2
    shift 2
    "$program" cc -g -O0 -Wno-tsan "$@" -pthread -o "$name" "$source" > "$out" 2> "$err" ||
        fail "$source does not compile"
}

# check STATUS ARGUMENTS...: run the program; the exit status must be this one.
check() {
    expected=$1
    shift
    "$program" "$@" > "$out" 2> "$err"
    status=$?
    [ "$status" -eq "$expected" ] || fail "lifeguard $*: status $status, not $expected"
}

# says TEXT FILE: the file has this text in it.
says() {
    grep -qF -- "$1" "$2" || fail "\"$1\" is not in $(basename "$2")"
}

# kind: what was found, from the JSON in $out.
kind() {
    sed -n 's/.*"found": {"kind": "\([a-z-]*\)".*/\1/p' "$out"
}

finish() {
    [ "$failures" -eq 0 ] || printf '%s failures\n' "$failures" >&2
    [ "$failures" -eq 0 ]
}
