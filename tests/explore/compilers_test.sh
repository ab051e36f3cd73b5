#!/bin/sh
# `lifeguard cc`: both compilers, compiling and linking apart, optimised code, and programs that were linked
# with gcc's own runtime.
. "$(dirname "$0")/common.sh"

wrong=$here/wrong/lost_update.c

found_in() {
    check 1 explore --schedules 3000 --json -- "./$1"
    [ "$(kind)" = assert ] || fail "$1: found $(kind)"
}

# Copies of a known size are calls too, which the compiler would do itself.
race_in() {
    check 1 explore --schedules 3000 --races=fail --json -- "./$1"
    [ "$(kind)" = race ] || fail "$1: found $(kind)"
}

compile_and_link() {
    compiler=$1
    command -v "$compiler" > /dev/null || return 0
    check 0 cc "$compiler" -g -c "$wrong" -o apart.o
    check 0 cc "$compiler" apart.o -o apart
    found_in apart
    for level in -O0 -O2; do
        check 0 cc "$compiler" -g "$level" "$wrong" -o together
        found_in together
        check 0 cc "$compiler" -g "$level" "$here/wrong/memory_race.c" -o copies
        race_in copies
    done
    # By itself it is an ordinary program.
    ./together > "$out" 2> "$err" || fail "$compiler: the program does not run by itself"
}

compile_and_link gcc
compile_and_link clang
if gcc -g -fsanitize=thread -pthread "$wrong" -o theirs 2> "$err"; then
    found_in theirs
fi
if command -v clang > /dev/null && clang -g -fsanitize=thread "$wrong" -o static 2> "$err"; then
    check 2 explore -- ./static
    says "runtime linked in" "$err"
fi

# $CC may be several words; what make has put there of its own command line names no compiler.
wrapped() {
    rm -f wrapped
    CC=$1 "$program" cc -g "$wrong" -o wrapped > "$out" 2> "$err" || fail "CC='$1': $(cat "$err")"
    found_in wrapped
}
wrapped " env gcc -DWRAPPED "
wrapped "lifeguard cc"
wrapped "$program cc"
wrapped " "
CC="no-such-compiler -g" "$program" cc "$wrong" -o wrapped > "$out" 2> "$err"
[ $? -eq 2 ] || fail "a compiler that is not there: not status 2"
says "no-such-compiler -g: it cannot be run" "$err"

# Fortified, the functions of stdio have other names.
check 0 cc -g -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 "$here/wrong/print_race.c" -o fortified
race_in fortified
check 0 cc -g -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 "$here/right/streams.c" -o fortified
check 0 explore --schedules 100 --races=fail -- ./fortified

# Without debugging information, and stripped, it is found all the same.
check 0 cc "$wrong" -s -o stripped
found_in stripped

# In the debugger it stops where it fails.
if command -v gdb > /dev/null; then
    check 1 explore --schedules 3000 -o debug.replay -- ./stripped
    printf 'backtrace\nkill\n' | "$program" explore --replay debug.replay -- gdb > "$out" 2> "$err"
    says "__assert_fail" "$out"
fi

check 2 cc
says "arguments for the compiler are missing" "$err"
CC=/nowhere/cc check 2 cc x.c
says "/nowhere/cc" "$err"
check 1 cc gcc -c "$folder/nothing.c" -o nothing.o
finish
