/* Fields behind a rwlock: who reads may read, who writes may do both. */
#include <lifeguard/guarded.h>
#include <lifeguard/rwlock.h>

struct book {
    struct lg_rwlock lock;
    long bid LG_GUARDED, ask LG_GUARDED;
};
LG_GUARD(book, lock, bid)
LG_GUARD(book, lock, ask)

long spread(struct book *book);
void move_up(struct book *book);

long spread(struct book *book)
{
    long wide = 0;
    LG_WITH_READ(&book->lock, LG_FOREVER, status)
    {
        wide = *book_ask_read(book) - *book_bid_read(book);
    }
    return status == LG_OK ? wide : -1;
}

void move_up(struct book *book)
{
    LG_WITH_WRITE(&book->lock, LG_FOREVER, status)
    {
        *book_ask(book) += 1;
        *book_bid(book) = *book_ask_read(book) - 1;
    }
    (void)status;
}
