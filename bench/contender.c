#include "contender.h"

static struct contender all[CONTENDERS];

static const struct pool_peer *const peers[] = {
    [LIFO] = &peer_lifo,
    [LG] = &peer_lg_pool,
    [LG_STRICT] = &peer_lg_pool_strict,
    [LG_UNBIASED] = &peer_lg_pool_unbiased,
    [APR] = &peer_apr,
    [FIFO] = &peer_fifo,
    [GASYNC] = &peer_gasync,
    [MONGOC] = &peer_mongoc,
    [ZDB] = &peer_zdb,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))

_Static_assert(PEERS == HIKARI, "outsiders come last");
_Static_assert(CONTENDERS - HIKARI == OUTSIDER_POOLS, "every outsider that is a pool takes part");

const char *contender_title(const struct contender *contender)
{
    return contender->peer != NULL ? contender->peer->name : outsider_title(contender->outsider);
}

const char *contender_package(const struct contender *contender)
{
    return contender->peer != NULL ? contender->peer->package : outsider_lacks(contender->outsider);
}

static const char *version_of(const struct contender *contender)
{
    if (contender->peer == NULL)
        return outsider_version(contender->outsider);
    return contender->peer->version != NULL ? contender->peer->version() : NULL;
}

static void print_versions(void)
{
    const char *between = "\npeers: ";
    for (size_t i = 0; i < CONTENDERS; i++) {
        const char *version = version_of(&all[i]);
        if (version == NULL)
            continue;
        printf("%s%s %s", between, contender_title(&all[i]), version);
        bench_table_version(contender_title(&all[i]), version);
        between = "; ";
    }
    putchar('\n');
}

struct contender *contenders(void)
{
    static bool is_ready;
    if (is_ready)
        return all;
    is_ready = true;
    outsiders_start();
    for (size_t i = 0; i < CONTENDERS; i++) {
        if (i >= PEERS)
            all[i].outsider = outsider_of((enum outsider_name)(i - PEERS));
        else
            all[i].peer = peers[i];
        if (i < PEERS && peers[i]->package == NULL)
            all[i].pool = peers[i]->create(8);
    }
    print_versions();
    return all;
}

void contenders_name(struct bench_variant *variants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        variants[i].name = contender_title(&contenders()[i]);
        variants[i].package = contender_package(&contenders()[i]);
    }
}
