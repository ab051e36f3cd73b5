/* Slot: the table of moves, tags, and who holds it. */
#include "pool/slot.h"
#include "support/support.h"

#define STATE_COUNT (LG__SLOT_CLOSING + 1)

/* The table of slot.h once more, written by hand: a row is a state, a column what may follow. */
static const char *const moves[STATE_COUNT] = {
    [LG__SLOT_EMPTY] = "- x - - - - -", /*  EMPTY, OPENING, IDLE, HANDED, LENT, ... */
    [LG__SLOT_OPENING] = "x - x x - - -",   [LG__SLOT_IDLE] = "- - - x x - x",
    [LG__SLOT_HANDED] = "- - x - x - x",    [LG__SLOT_LENT] = "- - x - - x -",
    [LG__SLOT_RETURNING] = "- - x x - - x", [LG__SLOT_CLOSING] = "x - - - - - -",
};

static void moves_are_those_of_the_table(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++)
        for (int to = 0; to < STATE_COUNT; to++)
            assert_int_equal(lg__slot_move_is_legal(from, to), moves[from][2 * to] == 'x');
}

static void a_move_needs_the_word_it_expects(void **state)
{
    (void)state;
    struct lg__slot slot = {.word = LG__SLOT_IDLE};
    uint64_t seen = slot.word;
    assert_true(lg__slot_move(&slot, seen, LG__SLOT_LENT));
    assert_int_equal(lg__slot_state(slot.word), LG__SLOT_LENT);
    assert_false(lg__slot_move(&slot, seen, LG__SLOT_LENT));
    assert_false(lg__slot_move(&slot, seen, LG__SLOT_CLOSING));
    assert_int_equal(lg__slot_state(slot.word), LG__SLOT_LENT);
}

static void each_loan_has_a_tag_of_its_own(void **state)
{
    (void)state;
    struct lg__slot slot = {.word = LG__SLOT_IDLE};
    uint64_t last = lg__slot_loans(slot.word);
    for (int i = 0; i < 1000; i++) {
        lg__slot_move_own(&slot, i % 2 ? LG__SLOT_LENT : LG__SLOT_HANDED);
        if (i % 2 == 0) {
            assert_int_equal(lg__slot_loans(slot.word), last);
            lg__slot_move_own(&slot, LG__SLOT_LENT);
        }
        assert_int_equal(lg__slot_loans(slot.word), last + 1);
        assert_int_equal(lg__slot_tag(slot.word), (uint32_t)(last + 1));
        last++;
        lg__slot_move_own(&slot, LG__SLOT_RETURNING);
        lg__slot_move_own(&slot, LG__SLOT_IDLE);
        assert_int_equal(lg__slot_loans(slot.word), last);
    }
}

/* A slot that went through everything and came back does not look as it did before. */
static void an_idle_word_never_comes_back_after_a_loan(void **state)
{
    (void)state;
    struct lg__slot slot = {.word = LG__SLOT_IDLE};
    uint64_t before = slot.word;
    lg__slot_move_own(&slot, LG__SLOT_LENT);
    lg__slot_move_own(&slot, LG__SLOT_IDLE);
    assert_int_equal(lg__slot_state(slot.word), LG__SLOT_IDLE);
    assert_int_not_equal(slot.word, before);
    assert_false(lg__slot_move(&slot, before, LG__SLOT_LENT));
}

static void the_tag_survives_an_overflow(void **state)
{
    (void)state;
    struct lg__slot slot = {.word = (uint64_t)UINT32_MAX << LG__SLOT_LOAN_SHIFT | LG__SLOT_IDLE};
    lg__slot_move_own(&slot, LG__SLOT_LENT);
    assert_int_equal(lg__slot_state(slot.word), LG__SLOT_LENT);
    assert_int_equal(lg__slot_loans(slot.word), (uint64_t)UINT32_MAX + 1);
    assert_int_equal(lg__slot_tag(slot.word), 0);
}

static void a_holder_is_read_with_its_loan_only(void **state)
{
    (void)state;
    struct lg__slot slot = {.word = LG__SLOT_IDLE};
    uint64_t holder = 99;
    assert_false(lg__slot_read_holder(&slot, &holder));
    lg__slot_move_own(&slot, LG__SLOT_LENT);
    assert_true(lg__slot_read_holder(&slot, &holder));
    assert_int_equal(holder, 0); /* lent, and not written down yet */
    lg__slot_set_holder(&slot, 44, lg__slot_tag(slot.word));
    assert_true(lg__slot_read_holder(&slot, &holder));
    assert_int_equal(holder, 44);
    lg__slot_move_own(&slot, LG__SLOT_IDLE);
    assert_false(lg__slot_read_holder(&slot, &holder));
    lg__slot_move_own(&slot, LG__SLOT_LENT);
    assert_true(lg__slot_read_holder(&slot, &holder));
    assert_int_equal(holder, 0); /* the last loan's holder does not have this one */
    lg__slot_set_holder(&slot, 48, lg__slot_tag(slot.word));
    assert_true(lg__slot_read_holder(&slot, &holder));
    assert_int_equal(holder, 48);
}

static void a_handed_or_returning_slot_has_no_holder(void **state)
{
    (void)state;
    static const enum lg__slot_state others[] = {LG__SLOT_EMPTY,     LG__SLOT_OPENING,
                                                 LG__SLOT_IDLE,      LG__SLOT_HANDED,
                                                 LG__SLOT_RETURNING, LG__SLOT_CLOSING};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct lg__slot slot = {.word = others[i] | LG__SLOT_LOAN_ONE, .holder = 4};
        uint64_t holder;
        slot.holder_tag = 1;
        assert_false(lg__slot_read_holder(&slot, &holder));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(moves_are_those_of_the_table),
        SUPPORT_TEST(a_move_needs_the_word_it_expects),
        SUPPORT_TEST(each_loan_has_a_tag_of_its_own),
        SUPPORT_TEST(an_idle_word_never_comes_back_after_a_loan),
        SUPPORT_TEST(the_tag_survives_an_overflow),
        SUPPORT_TEST(a_holder_is_read_with_its_loan_only),
        SUPPORT_TEST(a_handed_or_returning_slot_has_no_holder),
    };
    return SUPPORT_RUN(argc, argv, tests, NULL);
}
