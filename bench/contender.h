/* Contenders: whoever takes part in the benches of the pool, in this process or outside it. */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include "harness.h"
#include "outsider.h"
#include "peers.h"

enum contender_name {
    LIFO,
    LG,
    LG_STRICT,
    LG_UNBIASED,
    APR,
    FIFO,
    GASYNC,
    MONGOC,
    ZDB,
    HIKARI,
    GO_SQL,
    GO_CHANNEL,
    SQLALCHEMY,
    GENERIC_POOL,
    TARN,
    LG_UNBARRIERED, /* asked only how it does alone */
    CONTENDERS
};

struct contender {
    const struct pool_peer *peer; /* NULL: it is an outsider */
    struct outsider *outsider;
    void *pool; /* of 8, filled; only in this process */
};

/* All of them, started and filled when asked for first; this prints their versions. */
struct contender *contenders(void);

const char *contender_title(const struct contender *contender);
const char *contender_package(const struct contender *contender); /* NULL: it is here */

/* Fill `count` variants with the contenders' names. */
void contenders_name(struct bench_variant *variants, size_t count);

#endif
