#!/bin/sh
# Wrong use, programs that cannot be explored, and replay files that are none: a line, exit 2, no hang.
. "$(dirname "$0")/common.sh"

# refuses TEXT ARGUMENTS...: exit 2, one line of error with this text, no output.
refuses() {
    text=$1
    shift
    check 2 "$@"
    says "$text" "$err"
    [ "$(wc -l < "$err")" -eq 1 ] || fail "lifeguard $*: not one line of error"
    [ ! -s "$out" ] || fail "lifeguard $*: printed something"
}

write() {
    cat > "$1"
}

# ---- Options ----
refuses "the program is missing" explore
refuses "the program is missing" explore --seconds 1
refuses "a number above 0" explore --seconds 0 -- true
refuses "a number above 0" explore --seconds nan -- true
refuses "a whole number" explore --schedules -1 -- true
refuses "a whole number" explore --seed 1x -- true
refuses "one of auto, surw" explore --strategy best -- true
refuses "one of report, fail, off" explore --races=maybe -- true
refuses "there is no such program" explore -- ./nothing
refuses "there is no such program" explore -- "$folder"
refuses "unknown option --what; see lifeguard help explore" explore --what
refuses "unknown option -x" explore -x -- true
refuses "a number from 0" explore --shrink -1 -- true
refuses "--seconds needs a value" explore --seconds
refuses "above 0" explore --schedules 0 -- true
refuses "above 0" explore --steps 0 -- true
refuses "--html '': the name of a file" explore --html '' -- true
refuses "leave out -o" explore --replay some.replay -o other.replay
refuses "leave out -o" explore --replay some.replay --seconds 5
for word in -h --help; do
    check 0 explore --seconds 1 "$word"
    says "usage: lifeguard explore" "$out"
done

# ---- Programs ----
write plain.c << 'END'
int main(void) { return 0; }
END
write alone.c << 'END'
int shared;
int main(void) { shared = 1; return 0; }
END
write endless.c << 'END'
#include <pthread.h>
#include <stdatomic.h>
atomic_int count;
void *work(void *unused) { for (;;) count++; return unused; }
int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); work(0); }
END
write reading.c << 'END'
#include <pthread.h>
#include <stdatomic.h>
atomic_int places[8], is_set;
void *work(void *unused) {
    while (!is_set)
        for (int i = 0; i < 8; i++)
            if (places[i]) return unused;
    return unused;
}
int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); work(0); }
END
write long.c << 'END'
#include <pthread.h>
#include <stdatomic.h>
atomic_int count;
void *work(void *unused) {
    for (int i = 0; i < 400; i++) count++;
    return unused;
}
int main(void) {
    pthread_t t;
    pthread_create(&t, 0, work, 0);
    work(0);
    pthread_join(t, 0);
    return 0;
}
END
write deaf.c << 'END'
#include <pthread.h>
int flag;
__attribute__((no_sanitize("thread"))) void *spin(void *unused) {
    for (volatile int *at = &flag; !*at;) continue;
    return unused;
}
void *set(void *unused) { flag = 1; return unused; }
int main(void) {
    pthread_t t, u;
    pthread_create(&t, 0, spin, 0);
    pthread_create(&u, 0, set, 0);
    pthread_join(t, 0);
    pthread_join(u, 0);
    return 0;
}
END
write asleep.c << 'END'
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
void *work(void *unused) { syscall(SYS_pause); return unused; }
int main(void) {
    pthread_t t;
    pthread_create(&t, 0, work, 0);
    pthread_join(t, 0);
    return 0;
}
END
write constructor.c << 'END'
#include <unistd.h>
__attribute__((constructor)) static void leave(void) { _exit(0); }
int main(void) { return 0; }
END
write prelude.c << 'END'
#include <unistd.h>
__attribute__((constructor)) static void stay(void) { for (;;) pause(); }
int main(void) { return 0; }
END
build prelude prelude.c
"$program" explore -- ./prelude > prelude.out 2> prelude.err & # for 20 s
prelude=$!
${CC:-cc} plain.c -o uninstrumented
${CC:-cc} -static plain.c -o static
printf '#!/bin/sh\n# %0100d\nexit 0\n' 0 > script
printf 'x' > short
chmod +x script short
build alone alone.c
build endless endless.c
build reading reading.c
build long long.c
build deaf deaf.c
build asleep asleep.c
build constructor constructor.c
refuses "not instrumented" explore -- ./uninstrumented
refuses "linked statically" explore -- ./static
refuses "no 64-bit ELF program" explore -- ./script
refuses "too short" explore -- ./short
refuses "no second thread" explore --schedules 20 -- ./alone
refuses "times: it is long, or does not end" explore --schedules 20 -- ./endless
refuses "nothing was written to what its threads share: it does not end" explore --schedules 20 --steps 2000 -- ./reading
refuses "has not ended after 300 steps (--steps)" explore --schedules 20 --steps 300 -- ./long
check 0 explore --schedules 20 --steps 3000 --json -- ./long
says '"endless": 0' "$out"
check 0 explore --schedules 20 --steps 500 -- ./long
says "schedules were ended after 500 steps (--steps), without a verdict" "$out"
refuses "-O0 or -Og" explore --schedules 20 -- ./deaf
refuses "system call" explore --schedules 20 -- ./asleep
refuses "ended before its main" explore --schedules 20 -- ./constructor

# ---- Replay files ----
build good "$here/wrong/lost_update.c"
check 1 explore --schedules 3000 -o good.replay -- ./good
refuses "No such file" explore --replay nothing.replay
refuses "Is a directory" explore --replay "$folder"
: > empty.replay
refuses "names no program" explore --replay empty.replay
spoil() {
    sed "$1" good.replay > bad.replay
    refuses "$2" explore --replay bad.replay
}
spoil '1s/1$/2/' "line 1: it is not"
spoil 's/^end .*/end 99/' "another number of switches"
spoil '/^end/d' "ends without its last line"
first() {
    spoil "0,/^switch/{$1}" "$2"
}
first 's/^switch [^ ]* /switch T0 /' "names no thread"
first 's/ \(free\|preempt\) / sometimes /' "of a kind that is not known"
first 's/ +[0-9a-f]* / +ffffffffff /' "not in the program"
first 's/^\(switch .*\)$/\1 more/' "too many fields"
first 's/^switch .*/switch main 1/' "too few fields"
first 's/^switch [^ ]* [0-9]*/switch main x/' "no number of an event"
spoil 's/^thread T1$/thread 1/' "names no thread"
spoil 's/^finding .*/finding happiness/' "a finding that is not known"
spoil 's/^flags .*/flags 2 0/' "flags"
spoil 's/^image .*/image xyz/' "no hexadecimal number"
spoil 's/^flags/what/' "begins with a word"
# A schedule that the program does not follow is named where it leaves it.
first 's/\(switch [^ ]* [0-9]* [a-z]*\) [a-z-]* /\1 sleep /' "diverged"
refuses "a replay runs by itself" explore --replay good.replay -- valgrind

# ---- Endings ----
write lasting.c << 'END'
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
int shared;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
void *work(void *unused) {
    pthread_mutex_lock(&lock);
    shared++;
    pthread_mutex_unlock(&lock);
    return unused;
}
int main(void) {
    pthread_t t;
    close(open("began", O_CREAT | O_WRONLY, 0600));
    pthread_create(&t, 0, work, 0);
    work(0);
    pthread_join(t, 0);
    return 0;
}
END
build lasting lasting.c
refuses "here it is ./lasting" explore -- lasting
# ending SIGNAL: explores, and sends it to the verb alone once a run has begun.
ending() {
    rm -f began
    env --default-signal=HUP "$program" explore --seconds 300 --html page.html -- ./lasting > "$out" 2> "$err" &
    verb=$!
    while [ ! -e began ] && kill -0 "$verb"; do
        sleep 0.01
    done
    campaign=$(ps -o pid= --ppid "$verb" | tr -d ' ')
    kill -"$1" "$verb"
    wait "$verb" 2> killed
    status=$?
    # Who is killed is gone, or not yet waited for.
    while grep -q '^State:[^ZX]*$' "/proc/$campaign/status" 2> gone; do
        sleep 0.01
    done
}
for signal in INT TERM HUP; do
    ending "$signal"
    [ "$status" -eq 0 ] || fail "SIG$signal: status $status, not 0"
    says "nothing found" "$out"
    [ ! -e page.html ] || fail "SIG$signal: a page of nothing"
done
ending KILL
[ "$status" -eq 137 ] || fail "SIGKILL: status $status, not 137"

wait "$prelude"
status=$?
[ "$status" -eq 2 ] || fail "a constructor that does not end: status $status, not 2"
says "its main did not begin" prelude.err
finish
