/* The table of what is held, where entries carry units: the survey by the tables sees each living
 * holder's entries, and no others. */
#include "support/crew.h"

#include "graph/context.h"

#define HOLDERS 3

static char object, other; /* their addresses are all that counts */

/* A step's argument: what to note. */
struct note {
    const void *object;
    uint32_t units;
};

static int step_note(void *arg)
{
    const struct note *note = arg;
    lg__held_push_units(lg__context_self(), NULL, note->object, LG_TRY, LG_HERE, note->units);
    return LG_OK;
}

static int step_drop(void *arg)
{
    const struct note *note = arg;
    lg__held_pop(lg__context_self(), note->object);
    return LG_OK;
}

/* What a survey has found. */
struct found {
    uint32_t entries;
    uint32_t units;
    uint32_t most; /* stop after so many entries; 0: do not */
    uint64_t holders[HOLDERS * LG__HELD_MAX];
};

static bool add_found(void *arg, const struct lg__holding *holding)
{
    struct found *found = arg;
    found->holders[found->entries++] = holding->holder;
    found->units += holding->units;
    return found->entries != found->most;
}

static struct found survey(const void *of, uint32_t most)
{
    struct found found = {.most = most};
    lg__held_visit(of, add_found, &found);
    return found;
}

static void test_each_holder_is_found(void **state)
{
    (void)state;
    struct note one = {&object, 1}, five = {&object, 5}, elsewhere = {&other, 7};
    struct crew_worker *a = crew_hire("A"), *b = crew_hire("B");
    assert_int_equal(survey(&object, 0).entries, 0);
    (void)crew_do(a, step_note, &one);
    (void)crew_do(b, step_note, &elsewhere);
    (void)crew_do(b, step_note, &five);
    (void)crew_do(b, step_note, &one);
    struct found found = survey(&object, 0);
    assert_int_equal(found.entries, 3);
    assert_int_equal(found.units, 7);
    assert_int_equal(survey(&other, 0).units, 7);
    assert_int_equal(survey(&other, 0).holders[0], crew_context(b)->id);
    assert_int_equal(survey(&object, 1).entries, 1); /* the visitor stops it */
    (void)crew_do(b, step_drop, &elsewhere);         /* out of order: the units move along */
    found = survey(&object, 0);
    assert_int_equal(found.units, 7);
    assert_int_equal(survey(&other, 0).entries, 0);
    (void)crew_do(b, step_drop, &one); /* the entry that was noted last */
    assert_int_equal(survey(&object, 0).units, 6);
    (void)crew_do(b, step_drop, &five);
    (void)crew_do(a, step_drop, &one);
    assert_int_equal(survey(&object, 0).entries, 0);
}

static void test_who_has_ended_is_not_found(void **state)
{
    (void)state;
    struct note one = {&object, 1};
    struct crew_worker *a = crew_hire("A");
    (void)crew_do(a, step_note, &one);
    assert_int_equal(survey(&object, 0).entries, 1);
    crew_leave(a);
    assert_int_equal(survey(&object, 0).entries, 0);
}

static void test_what_has_no_room_is_not_found(void **state)
{
    (void)state;
    struct lg_context *self = lg_context_self();
    for (uint32_t i = 0; i < LG__HELD_MAX; i++) {
        assert_false(lg__held_is_full(self));
        lg__held_push_units(self, NULL, &object, LG_TRY, LG_HERE, 2);
    }
    lg__held_push_units(self, NULL, &other, LG_TRY, LG_HERE, 3);
    assert_true(lg__held_is_full(self));
    assert_null(lg__held_find(self, &other));
    assert_int_equal(survey(&other, 0).entries, 0);
    assert_int_equal(survey(&object, 0).entries, LG__HELD_MAX);
    for (uint32_t i = 0; i < LG__HELD_MAX; i++)
        lg__held_pop(self, &object);
    assert_int_equal(survey(&object, 0).entries, 0);
    lg__held_pop(self, &other);
    assert_int_equal(lg__held_count(self), 0);
}

static void test_an_entry_can_be_changed(void **state)
{
    (void)state;
    struct lg_context *self = lg_context_self();
    assert_null(lg__held_find(self, &object));
    lg__held_push_units(self, NULL, &object, LG_TRY, LG_HERE, 2);
    lg__held_push_units(self, NULL, &object, LG_TRY, LG_HERE, 9);
    lg__held_push_units(self, NULL, &other, LG_TRY, LG_HERE, 1);
    struct lg__held *entry = lg__held_find(self, &object);
    assert_int_equal(entry->units, 9); /* the latest */
    lg__store_relaxed(&entry->units, 1u);
    assert_int_equal(survey(&object, 0).units, 3);
    lg__held_pop(self, &object);
    lg__held_pop(self, &object);
    lg__held_pop(self, &other);
    assert_null(lg__held_find(self, &object));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_each_holder_is_found),
        SUPPORT_TEST(test_who_has_ended_is_not_found),
        SUPPORT_TEST(test_what_has_no_room_is_not_found),
        SUPPORT_TEST(test_an_entry_can_be_changed),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
