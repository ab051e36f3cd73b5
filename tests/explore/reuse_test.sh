#!/bin/sh
# Runs that share a process are as runs that have one each: they find nothing of one another, and do the same.
. "$(dirname "$0")/common.sh"

# value KEY: from the JSON in $out.
value() {
    sed -n "s/.*\"$1\": \"\\{0,1\\}\\([0-9a-f]*\\).*/\\1/p" "$out"
}

# Whether this system has what it takes: syscall user dispatch on x86-64, and PAGEMAP_SCAN (Linux 6.7).
can_reuse() {
    [ "$(uname -m)" = x86_64 ] && [ -r /proc/self/pagemap ] &&
        [ "$(printf '%s\n' 6.7 "$(uname -r)" | sort -V | head -1)" = 6.7 ]
}

cat > pristine.c << 'END'
/* Each run asserts what a new process has, and leaves something else. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PLACE 200
#define PLACE ((void *)0x20000000000)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int shared, set_before = 7;
static __thread int own = 5;
static char large[1 << 16], *kept, folder[4096];
static mode_t mask;

static __attribute__((constructor)) void begin(void)
{
    kept = strdup("before");
    umask(mask = umask(0));
    assert(getcwd(folder, sizeof folder));
}

static void *add(void *unused)
{
    assert(own == 5);
    own = 6;
    pthread_mutex_lock(&mutex);
    shared++;
    pthread_mutex_unlock(&mutex);
    free(malloc(100));
    return unused;
}

/* The stack of main grows, further in some runs than in others. */
static int dig(int depth)
{
    volatile char room[8192];
    room[0] = room[8191] = (char)depth;
    return depth ? dig(depth - 1) + room[0] : 0;
}

static void write_memory(void)
{
    assert(!shared && set_before == 7 && own == 5 && !errno && !strcmp(kept, "before"));
    assert(!getenv("LEFT") && rand() == 1804289383);
    for (size_t i = 0; i < sizeof large; i += 512)
        assert(!large[i]);
    memset(large, 1, sizeof large);
    set_before = own = errno = 9;
    strcpy(kept, "behind");
    setenv("LEFT", "1", 1);
    printf("%s, ", kept);
}

static void leave(const char *what)
{
    char here[4096];
    if (!strcmp(what, "file"))
        assert(fcntl(FILE_PLACE, F_GETFD) < 0 && dup2(STDIN_FILENO, FILE_PLACE) == FILE_PLACE);
    if (!strcmp(what, "mask"))
        assert(umask(mask ^ 7) == mask);
    if (!strcmp(what, "folder"))
        assert(getcwd(here, sizeof here) && !strcmp(here, folder) && !chdir("/"));
    if (!strcmp(what, "mapping"))
        assert(mmap(PLACE, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == PLACE);
}

static void *sleep_long(void *unused)
{
    sleep(1000);
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t threads[3];
    const char *what = count > 1 ? arguments[1] : "memory";
    write_memory();
    leave(what);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, !i && !strcmp(what, "thread") ? sleep_long : add, NULL);
    for (int i = 1; i < 3; i++)
        pthread_join(threads[i], NULL);
    if (!strcmp(what, "thread"))
        return 0;
    pthread_join(threads[0], NULL);
    dig(3 * (threads[0] != 0) + (int)strlen(what));
    assert(shared == 3);
    return 0;
}
END
build pristine pristine.c
check 0 explore --schedules 200 --json -- ./pristine
processes=$(value processes)
if can_reuse; then
    [ "$processes" -le 40 ] || fail "200 runs that leave only memory had $processes processes"
fi
# What the kernel has of a run ends with its process: each has its own.
for what in file mask folder mapping thread; do
    check 0 explore --schedules 60 --json -- ./pristine $what
    [ "$(value processes)" -eq 60 ] || fail "$what: a process was used again"
done

# same NAME PROGRAM ARGS...: with one seed, the same schedules in processes of their own.
same() {
    name=$1
    shift
    for seed in 1 2; do
        check 0 explore --schedules 60 --seed $seed --json -- "$@"
        reused=$(value digest)
        check 0 explore --schedules 60 --seed $seed --fresh --json -- "$@"
        [ "$(value processes)" -eq 60 ] || fail "$name: --fresh, and yet not a process for each"
        [ "$reused" = "$(value digest)" ] || fail "$name, seed $seed: runs that share a process differ"
    done
}

same pristine ./pristine
for name in atomics c11 kinds memory primitives queue streams timers; do
    build $name "$here/right/$name.c"
    same $name ./$name
done
finish
