#!/bin/sh
# The program as it is built where there is no libdw: variables are symbols, blocks and members are bytes.
#
#   WITHOUT_LIBDW  that program; if it is not set, LIFEGUARD is one
LIFEGUARD=${WITHOUT_LIBDW:-$LIFEGUARD}
. "$(dirname "$0")/common.sh"

if ldd "$program" 2> "$err" | grep -q libdw; then
    fail "$program has libdw"
fi
build lost_update "$here/wrong/lost_update.c"
check 1 explore --schedules 3000 --html page.html -- ./lost_update
says "balance: 1 -> 1" "$out"
says "decides: (1) T1 reads balance at lost_update.c:" "$out"
says "balance" page.html
check 1 explore --schedules 3000 --json -- ./lost_update
[ "$(kind)" = assert ] || fail "lost_update: found $(kind)"
check 1 explore --replay lost_update.replay
says "found: assert" "$out"
build block_order "$here/wrong/block_order.c"
check 1 explore --schedules 3000 -- ./block_order
says "waits for mutex block:13" "$out"
build mutex "$here/right/mutex.c"
check 0 explore --schedules 20 -- ./mutex
finish
