#!/bin/sh
# What explore claims to stand in front of, and what it only names, against what is there: symbols.txt against the
# runtime's symbols and the watchdog's table, and the symbols of gcc's own runtime against ours.
. "$(dirname "$0")/common.sh"

runtime=$(dirname "$program")/explore/liblifeguard_explore.so
names_of() {
    nm -D --defined-only "$1" | sed 's/.* //; s/@.*//' | sort -u
}
names_of "$runtime" > ours
tr ' ,' '\n\n' < "$here/../../src/explore/watchdog.c" | sed -n 's/.*CALL(\([a-z0-9_]*\)).*/\1/p' |
    sort -u > calls
[ "$(wc -l < calls)" -gt 40 ] || fail "the watchdog's table was not found"

sed 's/#.*//; /^ *$/d' "$here/symbols.txt" > claims
while read -r name how; do
    is_ours=$(grep -cx "$name" ours)
    case $how in
    '') [ "$is_ours" -eq 1 ] || fail "$name: the runtime does not stand in front of it" ;;
    returns) ;;
    *)
        [ "$is_ours" -eq 0 ] || fail "$name: the runtime stands in front of it, symbols.txt says it does not"
        grep -qx "$how" calls || fail "$name: the watchdog has no name for the system call $how"
        ;;
    esac
done < claims

# Reports, Java and gcc's own tests have no part here.
theirs=$(gcc -print-file-name=libtsan.so)
if [ -e "$theirs" ]; then
    names_of "$theirs" | grep -E '^(__tsan_|Annotate)' | grep -vE '^__tsan_(java_|testonly_|get_report|get_alloc|get_current_report|locate_|on_report|default_|symbolize_)' > wanted
    [ "$(wc -l < wanted)" -gt 100 ] || fail "gcc's runtime has hardly any names"
    comm -23 wanted ours > missing
    [ ! -s missing ] || fail "gcc's runtime has, ours has not: $(tr '\n' ' ' < missing)"
fi

# ---- What cannot be scheduled is told by name, with its place; nothing is left behind ----
cat > blocks.c << 'SOURCE'
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *way;
static void *block(void *unused)
{
    int ends[2];
    char byte;
    if (!strcmp(way, "openat")) {
        mkfifo("fifo", 0600);
        open("fifo", O_RDONLY); /* openat */
    } else if (!strcmp(way, "flock")) {
        int file = open("locked", O_RDWR | O_CREAT, 0600);
        flock(file, LOCK_EX); /* flock */
    } else if (!pipe(ends)) {
        if (!fork())
            _exit(!read(ends[0], &byte, 1));
        wait(NULL); /* wait4 */
    }
    return unused;
}
int main(int count, char **arguments)
{
    pthread_t thread;
    way = arguments[count - 1];
    int file = open("locked", O_RDWR | O_CREAT, 0600);
    flock(file, LOCK_EX);
    pthread_create(&thread, NULL, block, NULL);
    pthread_join(thread, NULL);
    return 0;
}
SOURCE
build blocks blocks.c -w
for call in openat flock wait4; do
    mkdir $call
    (
        cd $call || exit 1
        "$program" explore -- ../blocks $call > /dev/null 2> "../$call.err"
        echo $? > "../$call.status"
    ) &
done
wait
for call in openat flock wait4; do
    cp $call.err "$err"
    [ "$(cat $call.status)" -eq 2 ] || fail "$call: status $(cat $call.status)"
    says "sleeps in the system call $call (number " "$err"
    says "blocks.c:$(grep -n "/\* $call \*/" blocks.c | cut -d : -f 1) in block" "$err"
done
if command -v pgrep > /dev/null; then
    pgrep -f "^../blocks wait4" > left && fail "a child is left: $(cat left)"
fi
finish
