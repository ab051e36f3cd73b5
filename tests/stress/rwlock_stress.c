/* Rwlocks under random load, with a book of who is inside: nobody writes beside others, one is upgradable
 * at most, what is protected is whole; who takes locks in order is never told of a deadlock, who does not
 * is, and gets all work done; memory goes as soon as it may; who ends takes nothing along. */
#include "support/rooms.h"
#include "support/rwlocks.h"

#include "graph/context.h"
#include "plat/clock.h"
#include "sync/rwlock.h"

#include <stdlib.h>
#include <string.h>

#define THREADS 6
#define LOCKS   3

#define LINGER_ONE_IN 8

struct house {
    struct room rooms[LOCKS];
    unsigned rounds;
    uint64_t stream;
};

struct guest {
    struct house *house;
    unsigned done, late, busy, told, upgraded, written; /* how often */
    unsigned wrong;                                     /* what must never be */
    struct support_random random;
};

static void open_house(struct house *house, uint64_t stream, unsigned rounds)
{
    memset(house, 0, sizeof *house);
    house->stream = stream;
    house->rounds = rounds;
    for (int i = 0; i < LOCKS; i++)
        house->rooms[i].rwlock = (struct lg_rwlock)LG_RWLOCK_INIT("room");
}

static void check_house(const struct house *house, unsigned written)
{
    long sum = 0;
    for (int i = 0; i < LOCKS; i++) {
        const struct room *room = &house->rooms[i];
        assert_int_equal(room->rwlock.word & ~LG__RWLOCK_FLAGS, 0);
        assert_int_equal(room->value + room->mirror, 0);
        sum += room->value;
    }
    assert_int_equal(sum, written);
}

static struct guest invite(struct house *house, support_step *work)
{
    struct guest guests[THREADS], all = {0};
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        guests[i] = (struct guest){.house = house};
        support_random_begin(&guests[i].random, house->stream * 100 + i);
        workers[i] = crew_hire_numbered("guest", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        crew_run(workers[i], work, &guests[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        all.done += guests[i].done;
        all.late += guests[i].late;
        all.busy += guests[i].busy;
        all.told += guests[i].told;
        all.upgraded += guests[i].upgraded;
        all.written += guests[i].written;
        all.wrong += guests[i].wrong;
    }
    return all;
}

static bool note(struct guest *guest, int status)
{
    guest->done += status == LG_OK;
    guest->late += status == LG_ETIMEDOUT;
    guest->busy += status == LG_EBUSY;
    guest->told += status == LG_EDEADLK;
    guest->wrong +=
        status != LG_OK && status != LG_ETIMEDOUT && status != LG_EBUSY && status != LG_EDEADLK;
    return status == LG_OK;
}

/* ---- What is done inside --------------------------------------------------------------------- */

static void read_inside(struct guest *guest, struct room *room)
{
    guest->wrong += room_read(room, &guest->random, LINGER_ONE_IN);
}

static void write_inside(struct guest *guest, struct room *room)
{
    guest->wrong += room_write(room, &guest->random, LINGER_ONE_IN);
    guest->written++;
}

static void be_upgradable(struct guest *guest, struct room *room)
{
    guest->wrong += lg__add_full(&room->upgradable, 1u) != 0;
    read_inside(guest, room);
    (void)lg__sub_full(&room->upgradable, 1u);
}

/* One lock, in one mode or more after each other. */
static void visit_to_read(struct guest *guest, struct room *room, lg_deadline deadline)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!note(guest, lg_rwlock_read(&room->rwlock, deadline)))
        return;
    read_inside(guest, room);
    if (support_below(&guest->random, 4) == 0) { /* once more: whoever waits */
        guest->wrong += lg_rwlock_read(&room->rwlock, LG_FOREVER) != LG_OK;
        read_inside(guest, room);
        lg_rwlock_unlock(&room->rwlock);
    }
    lg_rwlock_unlock(&room->rwlock);
}

static void visit_to_write(struct guest *guest, struct room *room, lg_deadline deadline)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!note(guest, lg_rwlock_write(&room->rwlock, deadline)))
        return;
    write_inside(guest, room);
    long value = room->value;
    uint32_t next = support_below(&guest->random, 4);
    if (next == 0) {
        lg_rwlock_downgrade(&room->rwlock);
        guest->wrong += room->value != value;
        read_inside(guest, room);
    } else if (next == 1) {
        lg_rwlock_downgrade_to_upgradable(&room->rwlock);
        guest->wrong += room->value != value;
        be_upgradable(guest, room);
    }
    lg_rwlock_unlock(&room->rwlock);
}

static void visit_to_upgrade(struct guest *guest, struct room *room, lg_deadline deadline)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    if (!note(guest, lg_rwlock_upgradable(&room->rwlock, deadline)))
        return;
    be_upgradable(guest, room);
    long value = room->value;
    if (note(guest, lg_rwlock_upgrade(&room->rwlock, support_deadline(&guest->random, 100000)))) {
        guest->wrong += room->value != value; /* nobody came in between */
        write_inside(guest, room);
        guest->upgraded++;
    } else {
        guest->wrong += lg_rwlock_is_held(&room->rwlock) != LG_RWLOCK_UPGRADABLE;
        be_upgradable(guest, room);
        if (support_below(&guest->random, 2))
            lg_rwlock_downgrade(&room->rwlock);
    }
    lg_rwlock_unlock(&room->rwlock);
}

static int visit_one(void *arg)
{
    struct guest *guest = arg;
    for (unsigned i = 0; i < guest->house->rounds; i++) {
        struct room *room = &guest->house->rooms[0];
        lg_deadline deadline = support_deadline(&guest->random, 100000);
        uint32_t what = support_below(&guest->random, 8);
        if (what < 5)
            visit_to_read(guest, room, deadline);
        else if (what < 7)
            visit_to_write(guest, room, deadline);
        else
            visit_to_upgrade(guest, room, deadline);
    }
    return 0;
}

static void test_nobody_is_beside_a_writer(void **state)
{
    (void)state;
    static struct house house;
    open_house(&house, 1, SUPPORT_ROUNDS(30000u));
    struct guest all = invite(&house, visit_one);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.told, 0);
    assert_true(all.done > 0 && all.late > 0 && all.busy > 0 && all.upgraded > 0);
    check_house(&house, all.written);
}

/* ---- In order: never a deadlock -------------------------------------------------------------- */

/* Two of the rooms, the lower number first, each in any mode and with any deadline. */
static int lock_somehow(struct guest *guest, struct room *room, lg_deadline deadline, bool *writes)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    uint32_t what = support_below(&guest->random, 5);
    *writes = what == 4;
    if (what < 3)
        return lg_rwlock_read(&room->rwlock, deadline);
    return what == 3 ? lg_rwlock_upgradable(&room->rwlock, deadline)
                     : lg_rwlock_write(&room->rwlock, deadline);
}

static void use(struct guest *guest, struct room *room, bool writes)
{
    if (writes)
        write_inside(guest, room);
    else
        read_inside(guest, room);
}

static int visit_in_order(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct guest *guest = arg;
    for (unsigned i = 0; i < guest->house->rounds; i++) {
        uint32_t low = support_below(&guest->random, LOCKS - 1);
        struct room *a = &guest->house->rooms[low];
        struct room *b = a + 1 + support_below(&guest->random, LOCKS - 1 - low);
        bool writes_a, writes_b;
        if (!note(guest,
                  lock_somehow(guest, a, support_deadline(&guest->random, 100000), &writes_a)))
            continue;
        if (note(guest,
                 lock_somehow(guest, b, support_deadline(&guest->random, 100000), &writes_b))) {
            use(guest, a, writes_a);
            use(guest, b, writes_b);
            lg_rwlock_unlock(support_below(&guest->random, 2) ? &a->rwlock : &b->rwlock);
            lg_rwlock_unlock(lg_rwlock_is_held(&a->rwlock) ? &a->rwlock : &b->rwlock);
        } else {
            lg_rwlock_unlock(&a->rwlock);
        }
    }
    return 0;
}

static void test_in_order_nobody_is_ever_told(void **state)
{
    (void)state;
    static struct house house;
    open_house(&house, 2, SUPPORT_ROUNDS(20000u));
    struct guest all = invite(&house, visit_in_order);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.told, 0);
    assert_true(all.done > 0 && all.late > 0 && all.busy > 0);
    check_house(&house, all.written);
}

/* ---- In any order: all work is done all the same --------------------------------------------- */

static int lock_all(struct guest *guest, const uint32_t *order, const bool *writes)
    LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct room *rooms = guest->house->rooms;
    unsigned held = 0;
    int status = LG_OK;
    while (held < LOCKS && status == LG_OK) {
        struct lg_rwlock *rwlock = &rooms[order[held]].rwlock;
        status =
            writes[held] ? lg_rwlock_write(rwlock, LG_FOREVER) : lg_rwlock_read(rwlock, LG_FOREVER);
        held += status == LG_OK;
    }
    while (status != LG_OK && held > 0)
        lg_rwlock_unlock(&rooms[order[--held]].rwlock);
    return status;
}

static int visit_in_any_order(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct guest *guest = arg;
    for (unsigned i = 0; i < guest->house->rounds; i++) {
        uint32_t order[LOCKS] = {0};
        bool writes[LOCKS];
        unsigned attempt = 0;
        for (uint32_t j = 0; j < LOCKS; j++) {
            uint32_t k = support_below(&guest->random, j + 1);
            order[j] = order[k];
            order[k] = j;
            writes[j] = support_below(&guest->random, 3) == 0;
        }
        while (!note(guest, lock_all(guest, order, writes)))
            if (!lg_retry(attempt++ % 4, LG_FOREVER))
                guest->wrong++;
        for (unsigned j = 0; j < LOCKS; j++)
            use(guest, &guest->house->rooms[order[j]], writes[j]);
        for (unsigned j = 0; j < LOCKS; j++)
            lg_rwlock_unlock(&guest->house->rooms[order[j]].rwlock);
    }
    return 0;
}

static void test_in_any_order_all_work_gets_done(void **state)
{
    (void)state;
    static struct house house;
    open_house(&house, 3, SUPPORT_ROUNDS(2000u));
    struct guest all = invite(&house, visit_in_any_order);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.done, THREADS * house.rounds);
    assert_true(all.told > 0);
    check_house(&house, all.written);
}

/* ---- Memory that goes ------------------------------------------------------------------------ */

/* Whoever takes the last piece frees the lock, right after its own unlock. */
struct shared {
    struct lg_rwlock rwlock;
    uint32_t users; /* atomic */
};

static int drop_shared(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct shared *shared = arg;
    uint32_t reads = lg__load_relaxed(&shared->users) & 1;
    int status = reads ? lg_rwlock_read(&shared->rwlock, LG_FOREVER)
                       : lg_rwlock_write(&shared->rwlock, LG_FOREVER);
    if (status != LG_OK)
        return 1;
    bool is_last = lg__sub_full(&shared->users, 1u) == 1;
    lg_rwlock_unlock(&shared->rwlock);
    if (!is_last)
        return 0;
    if (lg_rwlock_write(&shared->rwlock, LG_FOREVER) != LG_OK) /* when all have let go */
        return 2;
    lg_rwlock_unlock(&shared->rwlock);
    free(shared);
    return 0;
}

static void test_the_last_user_frees_the_lock(void **state)
{
    (void)state;
    struct crew_worker *workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = crew_hire_numbered("user", i);
    for (int round = 0; round < SUPPORT_ROUNDS(1000); round++) {
        struct shared *shared = calloc(1, sizeof *shared);
        assert_non_null(shared);
        shared->users = THREADS;
        for (unsigned i = 0; i < THREADS; i++)
            crew_run(workers[i], drop_shared, shared);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(crew_wait(workers[i]), 0);
    }
}

/* ---- Holders that end ------------------------------------------------------------------------ */

/* Contexts end without an unlock, in any mode.  Who hears of a writer recovers; of the others nobody hears
 * anything, and nothing hangs. */
struct relay {
    struct lg_rwlock rwlock;
    unsigned left, recovered; /* under rwlock, written */
    unsigned rounds;
    uint64_t stream;
};

struct runner {
    struct relay *relay;
    unsigned index, wrong;
    struct support_random random;
};

static bool take(struct relay *relay, bool writes) LG_NO_THREAD_SAFETY_ANALYSIS
{
    for (;;) {
        int status = writes ? lg_rwlock_write(&relay->rwlock, LG_FOREVER)
                            : lg_rwlock_read(&relay->rwlock, LG_FOREVER);
        if (status == LG_OK)
            return true;
        if (status != LG_EOWNERDEAD)
            return false;
        if (lg_rwlock_recover(&relay->rwlock) == LG_OK) {
            relay->recovered++;
            if (writes)
                return true;
            lg_rwlock_downgrade(&relay->rwlock);
            return true;
        }
    }
}

static int run_relay(void *arg) LG_NO_THREAD_SAFETY_ANALYSIS
{
    struct runner *runner = arg;
    struct relay *relay = runner->relay;
    support_random_begin(&runner->random, relay->stream + runner->index);
    for (unsigned i = 0; i < relay->rounds; i++) {
        bool writes = support_below(&runner->random, 2);
        if (!take(relay, writes)) {
            runner->wrong++;
            break;
        }
        if (support_below(&runner->random, 10) != 0) {
            lg_rwlock_unlock(&relay->rwlock);
            continue;
        }
        bool stays_writer = writes && support_below(&runner->random, 3) != 0;
        if (stays_writer)
            relay->left++;
        else if (writes)
            lg_rwlock_downgrade_to_upgradable(&relay->rwlock);
        if (lg_context_end(lg_context_detach()) != LG_OK) /* as a thread's end would */
            runner->wrong++;
    }
    return 0;
}

static void test_holders_that_end(void **state) LG_NO_THREAD_SAFETY_ANALYSIS
{
    (void)state;
    static struct relay relay = {.rwlock = LG_RWLOCK_INIT("baton"), .stream = 700};
    struct runner runners[THREADS];
    struct crew_worker *workers[THREADS];
    relay.rounds = SUPPORT_ROUNDS(2000u);
    support_log_begin(LG_LOG_ERROR);
    for (unsigned i = 0; i < THREADS; i++) {
        runners[i] = (struct runner){.relay = &relay, .index = i};
        workers[i] = crew_hire_numbered("runner", i);
        crew_run(workers[i], run_relay, &runners[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(crew_wait(workers[i]), 0);
        assert_int_equal(runners[i].wrong, 0);
    }
    assert_true(take(&relay, true));
    assert_int_equal(relay.recovered, relay.left);
    lg_rwlock_unlock(&relay.rwlock);
    assert_int_equal(relay.rwlock.word & ~LG__RWLOCK_FLAGS, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_nobody_is_beside_a_writer),
        SUPPORT_TEST(test_in_order_nobody_is_ever_told),
        SUPPORT_TEST(test_in_any_order_all_work_gets_done),
        SUPPORT_TEST(test_the_last_user_frees_the_lock),
        SUPPORT_TEST(test_holders_that_end),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
