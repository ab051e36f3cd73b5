# What the explorer's tests share.  Sourced.
#
#   LIFEGUARD  the program
#   CC         the compiler that the library was built with
program=${LIFEGUARD:?LIFEGUARD must name the program}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/program.sh"
cd "$folder" || exit 1

# build NAME SOURCE FLAGS...: with `lifeguard cc`.
build() {
    name=$1
    source=$2
    shift 2
    "$program" cc -g -O0 -Wno-tsan "$@" -pthread -o "$name" "$source" > "$out" 2> "$err" ||
        fail "$source does not compile"
}

# kind: what was found, from the JSON in $out.
kind() {
    sed -n 's/.*"found": {"kind": "\([a-z-]*\)".*/\1/p' "$out"
}
