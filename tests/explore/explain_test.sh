#!/bin/sh
# What is found is explained: a column for each thread, values, locks, the two accesses whose order decides; in
# at most twenty lines, as a page, and in JSON.
. "$(dirname "$0")/common.sh"

twins=$here/../../examples/explore

# explain NAME SOURCE ARGUMENTS...: the text in $out, without the width of its columns; the same of its replay.
explain() {
    name=$1
    build "$name" "$2"
    shift 2
    check 1 explore --schedules 3000 "$@" -- "./$name"
    [ "$(wc -l < "$out")" -le 20 ] || fail "$name: more than twenty lines"
    sed -n '/^   .*\.c$/,/^decides/p' "$out" | grep -q '.\{101\}' && fail "$name: wider than 100"
    grep -q "$(printf '\033')" "$out" && fail "$name: colour, and no terminal"
    squeeze
    cp squeezed first
    check 1 explore --replay "$name.replay"
    squeeze
    # Only what the summary and the races say may differ.
    for file in first squeezed; do
        sed '/^found/d;/^replay/d;/^data races/,$d' $file > $file.short
    done
    cmp -s first.short squeezed.short || fail "$name: the replay is explained otherwise"
    cp first squeezed
}

squeeze() {
    cat > squeeze.sed << 'END'
s/'--*\([a-z]*\)-*>/'-\1->/
s/<--*\([a-z]*\)-*'/<-\1-/
s/  */ /g
s/ $//
END
    sed -f squeeze.sed "$out" > squeezed
}

# tells: these lines are there, in this order; others may be between them.
tells() {
    cat > wanted
    awk 'NR == FNR { wanted[++count] = $0; next }
         at < count && $0 == wanted[at + 1] { at++ }
         END { if (at < count) { print "missing: " wanted[at + 1]; exit 1 } }' wanted squeezed > missing ||
        fail "$name: $(cat missing)"
}

# ---- The five that everybody makes ----
explain lost_update "$here/wrong/lost_update.c"
tells << 'END'
 main T1 deposit T2 deposit lost_update.c
(1) | reads balance: 0 | 10 int seen = balance;
 | '-preempted-> reads balance: 0 10 int seen = balance;
(2) | | balance: 0 -> 1 11 balance = seen + 1;
 | balance: 1 -> 1 <-- 11 balance = seen + 1;
 reads balance: 1 <-- | 22 assert(balance == 2);
 FAILS: assert | | 22 assert(balance == 2);
decides: (1) T1 reads balance at lost_update.c:10 in deposit
 before (2) T2 writes balance at lost_update.c:11 in deposit
 with (2) before (1) the program ends well (tried)
needs 1 preemption: before T1 writes balance at lost_update.c:11
END

explain lock_order "$twins/lock_order_wrong.c"
tells << 'END'
 T1 forwards T2 backwards lock_order_wrong.c
 locks first | 10 pthread_mutex_lock(&first);
(1) '-preempted-> locks second 19 pthread_mutex_lock(&second);
 | waits for first (T1 has it) 20 pthread_mutex_lock(&first);
 | holds second (line 19)
(2) wants second (T2 has it) | 11 pthread_mutex_lock(&second);
 holds first (line 10) |
decides: (1) T2 locks second at lock_order_wrong.c:19 in backwards
 before (2) T1 locks second at lock_order_wrong.c:11 in forwards
END

explain use_after_free "$here/wrong/use_after_free.c"
tells << 'END'
 T1 use T2 drop use_after_free.c
 reads shared: node:30 | 13 struct node *node = shared;
 reads node:30.value: 0 | 15 node->value++;
 | shared: node:30 -> NULL 22 shared = NULL;
(1) | frees node:30 23 free(node);
(2) writes node:30.value: FREED <- 15 node->value++;
decides: (1) T2 frees node:30 at use_after_free.c:23 in drop
 before (2) T1 writes node:30.value at use_after_free.c:15 in use
END

explain lease "$twins/lease_wrong.c"
tells << 'END'
(1) reads idle_count: 2 | 14 int connection = idle[idle_count - 1];
(2) | idle_count: 2 -> 1 15 idle_count--;
 reads is_lent[1]: 1 | 23 assert(!is_lent[mine]);
 FAILS: assert | 23 assert(!is_lent[mine]);
 holds mutex (line 22) |
decides: (1) T1 reads idle_count at lease_wrong.c:14 in get
END

explain lost_wakeup "$here/wrong/lost_wakeup.c"
tells << 'END'
(1) signals condition | 26 pthread_cond_signal(&condition);
(2) | waits for condition 14 pthread_cond_wait(&condition, &mutex);
decides: (1) main signals condition at lost_wakeup.c:26 in main
 before (2) T1 waits for condition at lost_wakeup.c:14 in wait_for_it
END

# ---- Others: what came too late, a race, and what no order avoids ----
explain sleep_order "$here/wrong/sleep_order.c"
tells << 'END'
(1) reads is_ready: 0 | 22 assert(atomic_load(&is_ready));
(2) | only later: is_ready: 0 -> 1 13 atomic_store(&is_ready, 1);
 when it failed (2) had not come; with (2) before (1) the program ends well (tried)
END

explain race_only "$here/wrong/race_only.c" --races=fail
tells << 'END'
(1) | hint: 0 -> 1 9 hint = 1;
(2) writes hint <-- 9 hint = 1;
 nothing orders the two: either may come first
END

explain crash "$here/wrong/crash.c"
tells << 'END'
(2) '-preempted-> pointer: &value -> NULL 10 pointer = NULL;
 reads pointer: NULL <-- 17 *pointer = 1;
 FAILS: crash | 17 *pointer = 1;
END

explain string_race "$here/wrong/string_race.c"
tells << 'END'
(2) current: "idle" -> "stopped" <- 10 strcpy(current, "stopped");
END

explain lock_leak "$here/wrong/lock_leak.c"
grep -q '^decides: no two accesses were found whose order decides' squeezed ||
    fail "lock_leak: decided by an order"

# ---- The other way round is right, by construction ----
cat > order.c << 'END'
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
static sem_t second_has_come;
static int total;
static void *first(void *unused)
{
#ifdef OTHER_WAY_ROUND
    sem_wait(&second_has_come);
#endif
    int seen = total; /* (1) */
    total = seen + 1;
    return unused;
}
static void *second(void *unused)
{
    int seen = total;
    total = seen + 2; /* (2) */
#ifdef OTHER_WAY_ROUND
    sem_post(&second_has_come);
#endif
    return unused;
}
int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, first, NULL);
    pthread_create(&threads[1], NULL, second, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert(total == 3);
    return 0;
}
END
explain order order.c
tells << 'END'
decides: (1) T1 reads total at order.c:11 in first
 before (2) T2 writes total at order.c:18 in second
END
build other order.c -DOTHER_WAY_ROUND
check 0 explore --schedules 300 --races=fail -- ./other

# ---- Many threads: those that matter have columns ----
cat > many.c << 'END'
#include <assert.h>
#include <pthread.h>
#define N 30
static int count, quiet[N];
static void *work(void *at)
{
    *(int *)at += 1;
    count++;
    return at;
}
int main(void)
{
    pthread_t threads[N];
    for (int i = 0; i < N; i++)
        pthread_create(&threads[i], NULL, work, &quiet[i]);
    for (int i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
    assert(count == N);
    return 0;
}
END
explain many many.c
[ "$(grep -c '^([12])' squeezed)" -eq 2 ] || fail "many: the two are not shown"

# ---- Terminals: as wide as they are, and in colour unless that is not wanted ----
# shown COLUMNS: what a terminal of that width gets.
shown() {
    TERM=xterm script -qec "stty cols $1; '$program' explore -- ./lost_update" /dev/null |
        tr -d '\r' > "$out"
}
if command -v script > /dev/null; then
    shown 90
    grep -q "$(printf '\033\\[31m(1)')" "$out" || fail "no colour on a terminal"
    sed "s/$(printf '\033')\\[[0-9]*m//g" "$out" | sed -n '/^    main/,/^decides/p' > rows
    grep -q '.\{91\}' rows && fail "wider than the terminal"
    NO_COLOR=1 shown 140
    grep -q "$(printf '\033')" "$out" && fail "colour in spite of NO_COLOR"
    says "  11  balance = seen + 1;" "$out"
fi

cat > forks.c << 'END'
#include <pthread.h>
#include <stddef.h>
#define N 10
static pthread_mutex_t forks[N];
static void *eat(void *at)
{
    pthread_mutex_t *left = at, *right = left + 1 < forks + N ? left + 1 : forks;
    pthread_mutex_lock(left);
    pthread_mutex_lock(right);
    pthread_mutex_unlock(right);
    pthread_mutex_unlock(left);
    return NULL;
}
int main(void)
{
    pthread_t threads[N];
    for (int i = 0; i < N; i++)
        pthread_mutex_init(&forks[i], NULL);
    for (int i = 0; i < N; i++)
        pthread_create(&threads[i], NULL, eat, &forks[i]);
    for (int i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
END
explain forks forks.c
tells << 'END'
 with (2) before (1) the program ends well (tried)
END
grep -q 'forks.c ([1-9] more threads)$' squeezed || fail "forks: which threads are not shown?"

# ---- Threads as the program calls them ----
cat > named.c << 'END'
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
static int count;
static void *work(void *name)
{
    pthread_setname_np(pthread_self(), name);
    count++;
    return name;
}
int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, work, "<left>");
    pthread_create(&threads[1], NULL, work, "right\033[0m");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert(count == 2);
    return 0;
}
END
explain named named.c
tells << 'END'
 main T1 <left> T2 right?[0m named.c
END
check 1 explore --html page.html -- ./named
says '<small>&lt;left&gt;</small>' page.html
says '<small>right?[0m</small>' page.html

# ---- A long run: what is told is not only its end ----
cat > long.c << 'END'
#include <assert.h>
#include <pthread.h>
static int total, cells[1000];
static void *work(void *unused)
{
    for (int i = 0; i < 3000; i++)
        cells[i % 1000]++;
    int seen = total;
    total = seen + 1;
    return unused;
}
int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(total == 4);
    return 0;
}
END
explain long long.c
tells << 'END'
decides: (1) T1 reads total at long.c:8 in work
 before (2) T2 writes total at long.c:9 in work
END

# ---- C++: names without their mangling, places in the program and not in the system's headers ----
cat > account.cpp << 'END'
#include <cassert>
#include <mutex>
#include <thread>
namespace bank {
struct Account {
    std::mutex lock;
    long balance = 0;
};
static Account account;
}
static void deposit(long amount)
{
    static int count;
    long seen;
    {
        std::lock_guard<std::mutex> guard(bank::account.lock);
        seen = bank::account.balance;
    }
    std::lock_guard<std::mutex> guard(bank::account.lock);
    bank::account.balance = seen + amount;
    count++;
}
int main()
{
    std::thread first(deposit, 1), second(deposit, 2);
    first.join();
    second.join();
    assert(bank::account.balance == 3);
    return 0;
}
END
if command -v c++ > /dev/null && echo '#include <thread>' | c++ -fsyntax-only -x c++ - 2> "$err"; then
    explain account account.cpp
    tells << 'END'
 | locks bank::account.lock 16 std::lock_guard<std::mutex
(1) | reads bank::account.balance: 0 17 seen = bank::account.balan
 | holds bank::account.lock (line 16)
(2) | | bank::account.balance: 0 -> 2 20 bank::account.balance = se
decides: (1) T1 reads bank::account.balance at account.cpp:17 in deposit(long)
END
    check 1 explore --json -- ./account
    says '"variable": "count"' "$out"
fi

# ---- JSON ----
check 1 explore --json -- ./lost_update
says '"explanation": {"decides": {"kind": "order"' "$out"
says '{"thread": "T1", "text": "T1 reads balance", "variable": "balance", "where": {"file": "' "$out"
says '"action": "balance: 0 -> 1", "variable": "balance", "before": "0", "after": "1"' "$out"
says '"source": "balance = seen + 1;", "holds": [], "mark": 2' "$out"
says '"threads": [{"name": "main", "function": "", "label": ""}, {"name": "T1", "function": "deposit", ' "$out"
check 1 explore --json -- ./lease
says '"holds": [{"lock": "mutex", "where": {"file": "' "$out"
check 0 explore --json --schedules 20 -- ./other
says '"found": null' "$out"

# ---- The page ----
cat > markup.c << 'END'
#include <assert.h>
#include <pthread.h>
static int a;
static const char *text = "";
static void *work(void *unused)
{
    if (a < 3 && (a & 1) == 0) a = a + 1, text = "<b>'&amp;\"</b>";
    return unused;
}
int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(a == 1 && *text == '<');
    return 0;
}
END

# Each element is closed, in its turn; no text has a mark-up of its own; nothing is fetched.
check_page() {
    awk 'BEGIN { RS = "<" }
         NR == 1 { next }
         {
             name = $0
             sub(/[ >].*/, "", name)
             sub(/\n.*/, "", name)
             if (index($0, ">") == 0) { print "open: " $0; exit 1 }
             if (name ~ /^!DOCTYPE|^meta$|^br$/) next
             if (name ~ /^\//) {
                 if (stack[depth--] != substr(name, 2)) { print "closed: " name; exit 1 }
             } else if (name !~ /^(html|head|title|style|body|h1|h2|p|pre|ul|li|div|details|summary|code|span|small|b)$/) {
                 print "element: " name; exit 1
             } else stack[++depth] = name
         }
         END { if (depth) print "left open: " stack[depth] }' "$1" > complaint
    [ ! -s complaint ] || fail "$1: $(cat complaint)"
    sed 's/&\(amp\|lt\|gt\|quot\|#39\|#[89][0-9]*\);//g' "$1" | grep -n '&' && fail "$1: a bare &"
    grep -nE 'https?:|src=|url\(|<script|@import' "$1" && fail "$1: something from outside"
    grep -q 'prefers-color-scheme:dark' "$1" || fail "$1: light only"
}

build markup markup.c
for name in lost_update lock_order use_after_free lost_wakeup sleep_order lock_leak markup many; do
    check 1 explore --schedules 3000 --html page.html -- "./$name"
    check_page page.html
    check 1 explore --replay "$name.replay" --html again.html
    check_page again.html
done
check 1 explore --html page.html -- ./markup
says '(a &amp; 1) == 0' page.html
says '&lt;b&gt;&#39;&amp;amp;\&quot;&lt;/b&gt;' page.html
check 1 explore --html page.html -- ./lost_update
# The two as they are marked, and the arrow from the one to the other; the locks of the shortest picture.
says '<span class="badge">1</span>reads balance: 0</div>' page.html
says '<span class="badge">2</span>balance: 0 -&gt; 1</div>' page.html
says 'preempted<b>' page.html
says '>T2 <small>deposit</small></div>' page.html
for part in 'join across right' 'join down' 'join into right'; do
    [ "$(grep -c "class=\"$part\"" page.html)" -ge 1 ] || fail "no $part in the page"
done
grep -q 'class="bar' page.html && fail "a lock in a program without any"
check 1 explore --html page.html -- ./lock_order
[ "$(sed '/<details>/,$d' page.html | grep -c 'class="bar')" -eq 2 ] || fail "the locks held are not two"
says 'Bars are locks held' page.html

# A longer page that was there is not left over at the end of a new one.
head -c 100000 /dev/zero | tr '\0' 'x' > page.html
check 1 explore --html page.html -- ./lost_update
check_page page.html

# Nothing found: no page; one that was there stays as it is.
check 0 explore --schedules 20 --html none.html -- ./other
[ ! -e none.html ] || fail "a page about nothing"
echo before > kept.html
check 0 explore --schedules 20 --html kept.html -- ./other
[ "$(cat kept.html)" = before ] || fail "the page that was there is gone"

# ---- Files that cannot be written: known before anything runs ----
for option in --html -o; do
    check 2 explore $option /nowhere/file -- ./lost_update
    says "lifeguard explore: /nowhere/file: No such file or directory" "$err"
    check 2 explore $option "$folder" -- ./lost_update
    says "Is a directory" "$err"
    [ ! -s "$out" ] || fail "$option: it was explored all the same"
done
check 2 explore --html '' -- ./lost_update
check 2 explore --replay lost_update.replay --html page.html -- gdb
if [ -c /dev/full ]; then
    check 1 explore --html /dev/full -- ./lost_update
    says "/dev/full: No space left on device" "$err"
fi

# Without debugging information there are no lines, and all the rest.
build stripped "$here/wrong/lost_update.c" -s
check 1 explore --html page.html -- ./stripped
check_page page.html
says "(1)" "$out"
says "(tried)" "$out"
finish
