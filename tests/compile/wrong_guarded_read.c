/* A field behind a rwlock is written by who only reads.
// clang: calling function 'book_bid' requires holding rwlock 'book->lock' exclusively
*/
#include <lifeguard/guarded.h>
#include <lifeguard/rwlock.h>

struct book {
    struct lg_rwlock lock;
    long bid LG_GUARDED;
};
LG_GUARD(book, lock, bid)

void move_up(struct book *book);

void move_up(struct book *book)
{
    LG_WITH_READ(&book->lock, LG_FOREVER, status)
    {
        *book_bid(book) += 1;
    }
    (void)status;
}
