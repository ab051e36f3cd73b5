#!/bin/sh
# Names and values as debugging information says them: members, elements, types, blocks of the heap; of both
# compilers, in C and C++; and as before where there is none.
. "$(dirname "$0")/common.sh"

cat > types.c << 'SOURCE'
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum state { FREE, BUSY = 3, CLOSED };

struct item {
    char name[8];
    enum state state;
    double weight;
};

static struct {
    pthread_mutex_t lock;
    struct item items[4];
    unsigned char level;
    bool is_open;
    signed char change;
    char letter;
    unsigned count;
    float ratio;
    void (*call)(void);
    int *where;
    _Atomic long ticks;
    int grid[2][3];
    union {
        int number;
        float real;
    } either;
    unsigned low : 3, high : 5;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct node {
    struct node *next;
    int value;
    double price;
};

static int target[2];
static struct node *list;
static short *raw;

static struct node *make_node(struct node *next)
{
    struct node *node = calloc(1, sizeof *node);
    node->next = next;
    return node;
}

static void call_it(void)
{
}

static void *work(void *unused)
{
    struct node *node = list;
    queue.items[3].state = BUSY;
    queue.items[3].weight += 0.1;
    queue.level = 200;
    queue.is_open = true;
    queue.change = -5;
    queue.letter = 'x';
    queue.count = 4000000000u;
    queue.ratio = 0.3f;
    queue.call = call_it;
    queue.where = &target[1];
    queue.ticks++;
    queue.grid[1][2] = 7;
    queue.either.real = 1.5f;
    queue.low = 2;
    node->next->price = 2.25;
    raw[3] = -9;
    pthread_mutex_lock(&queue.lock);
    pthread_mutex_unlock(&queue.lock);
    int seen = list->value;
    list->value = seen + 1;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    list = make_node(make_node(NULL));
    raw = calloc(20, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(list->value == 2);
    return 0;
}
SOURCE

# line TEXT FILE: the line of the file that has it.
line() {
    grep -nF -- "$1" "$2" | cut -d : -f 1
}

node=$(line 'calloc(1,' types.c)
raw=$(line 'calloc(20,' types.c)

# does ACTION...: the threads do these.
does() {
    for action in "$@"; do
        says "\"action\": \"$action\"" "$out"
    done
}

find_types() {
    check 0 cc "$@" -pthread types.c -o types
    check 1 explore --schedules 3000 --json --html page.html -- ./types
    does 'queue.items[3].state: FREE -> BUSY' 'queue.items[3].weight: 0 -> 0.1' \
        'queue.level: 0 -> 200' 'queue.is_open: false -> true' 'queue.change: 0 -> -5' \
        "queue.letter: 0 -> 120 'x'" 'queue.count: 0 -> 4000000000' 'queue.ratio: 0 -> 0.3' \
        'queue.call: NULL -> call_it' 'queue.where: NULL -> &target[1]' 'queue.ticks: 0 -> 1' \
        'queue.grid[1][2]: 0 -> 7' 'queue.either.real: 0 -> 1.5' 'queue.low|high: 0 -> 2' \
        'locks queue.lock' \
        "block:$raw+6: 0 -> -9"
    # Which of the two nodes comes first is the compiler's choice.
    for part in 'price: 0 -> 2.25' 'value: 1 -> 1'; do
        grep -q "\"action\": \"node:$node\(#2\)\{0,1\}\.$part\"" "$out" || fail "no node's $part"
    done
    says "{\"name\": \"node:$node#2\", \"type\": \"node\", \"bytes\": 24, \"where\": {\"file\": " "$out"
    says "{\"name\": \"block:$raw\", \"type\": \"\", \"bytes\": 40, \"where\": " "$out"
    says "<li><code>block:$raw</code>: 40 bytes, allocated at types.c:$raw in " page.html
    check 1 explore --replay types.replay
    [ "$(wc -l < "$out")" -le 20 ] || fail "more than twenty lines"
}

for compiler in gcc clang; do
    command -v "$compiler" > /dev/null || continue
    find_types "$compiler" -g -O0
    find_types "$compiler" -g -gdwarf-4 -O0
done
find_types gcc -g -O2

# Nothing is guessed where there is no debugging information.
check 0 cc gcc -O0 -pthread types.c -o types
check 1 explore --schedules 3000 --json -- ./types
does 'queue+120: 0 -> 3' 'queue+137: 0 -> 1'
says '"blocks": []' "$out"

# ---- C++ ----
cat > account.cpp << 'SOURCE'
#include <atomic>
#include <cassert>
#include <memory>
#include <mutex>
#include <thread>

namespace bank {
enum class State : unsigned char { open, frozen = 9 };
class Account {
  public:
    void deposit(double amount)
    {
        std::lock_guard<std::mutex> guard(lock);
        balance += amount;
        state = State::frozen;
        count++;
    }
    std::mutex lock;
    double balance = 0;
    State state = State::open;
    std::atomic<int> count{0};
    static long total;
};
long Account::total;
static Account account;
namespace {
struct {
    int hidden;
} secret;
}
}
struct Base {
    virtual ~Base() {}
    int id = 0;
};
struct Derived : Base {
    float rate = 0;
};
static std::unique_ptr<Derived> derived;
static int plain;

static void work(int me)
{
    static unsigned short calls;
    bank::account.deposit(1.5);
    bank::Account::total++;
    bank::secret.hidden = me;
    derived->rate = 0.5f;
    derived->id = me;
    calls++;
    int seen = plain;
    plain = seen + 1;
}

int main()
{
    derived.reset(new Derived);
    std::thread first(work, 1), second(work, 2);
    first.join();
    second.join();
    assert(plain == 2);
    return 0;
}
SOURCE

derived=$(line 'new Derived' account.cpp)
for compiler in g++ clang++; do
    echo '#include <thread>' | "$compiler" -fsyntax-only -x c++ - 2> "$err" || continue
    check 0 cc "$compiler" -g -O0 -pthread account.cpp -o account
    check 1 explore --schedules 3000 --json -- ./account
    does 'locks bank::account.lock' 'bank::account.balance: 0 -> 1.5' \
        'bank::account.state: open -> frozen' 'bank::account.count: 0 -> 1' \
        'bank::Account::total: 0 -> 1' 'bank::secret.hidden: 0 -> 1' 'calls: 0 -> 1' \
        "Derived:$derived.rate: 0 -> 0.5" "Derived:$derived.id: 0 -> 1"
done
finish
