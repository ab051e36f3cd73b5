#!/bin/sh
# Each strategy does what it is for, on the bench's programs; the failing schedule is shrunk to what the error
# needs; and a strategy that has nothing to go by still runs.
. "$(dirname "$0")/common.sh"

programs=$here/../../bench/explore/programs

# soon STRATEGY NAME MOST PREEMPTIONS: found within so many schedules, by three seeds.
soon() {
    for seed in 1 2 3; do
        check 1 explore --strategy "$1" --schedules "$3" --seed $seed --json -o "$2.replay" -- "./$2"
        preemptions=$(sed -n 's/.*"preemptions": \([0-9]*\).*/\1/p' "$out")
        [ "$preemptions" -le "$4" ] || fail "$2 by $1, seed $seed: $preemptions preemptions"
        check 1 explore --replay "$2.replay"
    done
}

build reorder_10 "$programs/reorder.c" -DN=10
build reorder_50 "$programs/reorder.c" -DN=50
build twostage_20 "$programs/twostage.c" -DN=20
build account "$programs/account.c"
build wrong_lock "$programs/wrong_lock.c"
build string_buffer "$programs/string_buffer.c"
build bounded_buffer "$programs/bounded_buffer.c"
build safe_stack "$programs/safe_stack.c"
build aba_stack "$programs/aba_stack.c"
build stop_driver "$programs/stop_driver.c"
build order "$here/wrong/lock_order.c"

# However many threads there are, small periods take as many schedules.
soon periods reorder_10 40 1
soon periods reorder_50 40 1
soon periods twostage_20 80 1
soon surw reorder_10 300 1
soon rf reorder_50 100 1
soon pos wrong_lock 200 1
soon pct order 200 1
soon random string_buffer 200 1
soon auto account 100 1
soon auto bounded_buffer 200 0
soon auto stop_driver 200 2
soon auto twostage_20 200 1
soon pos aba_stack 2000 2

# A few that go round in circles have all steps that they may, most others fewer.
check 0 explore --strategy pct --steps 100000 --schedules 300 -- ./safe_stack
says "after 100000 steps, or many times those of others (--steps), without a verdict" "$out"

# Nothing is made smaller in no time.
check 1 explore --strategy pos --schedules 2000 --shrink 0 --json -o large.replay -- ./aba_stack
preemptions=$(sed -n 's/.*"preemptions": \([0-9]*\).*/\1/p' "$out")
[ "$preemptions" -gt 2 ] || fail "aba_stack, not shrunk: $preemptions preemptions"
check 1 explore --replay large.replay

# One departure, found by enumeration, is the same for every seed.
check 1 explore --strategy periods --seed 1 -o first.replay -- ./reorder_10
check 1 explore --strategy periods --seed 99 -o second.replay -- ./reorder_10
cmp -s first.replay second.replay || fail "periods depend on the seed"

# A program without anything shared.
cat > private.c << 'END'
#include <pthread.h>
void *work(void *unused) { return unused; }
int main(void) {
    pthread_t t;
    pthread_create(&t, 0, work, 0);
    pthread_join(t, 0);
    return 0;
}
END
build private private.c
for strategy in auto surw rf periods; do
    check 0 explore --strategy $strategy --schedules 50 -- ./private
done
finish
