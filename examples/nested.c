/* A checkout inside a checkout, on a pool of one: the program would hang for ever. */
#include <lifeguard/lifeguard.h>
#include <lifeguard/sqlite.h>

#include <stdio.h>

int main(void)
{
    struct lg_pool_options one = LG_POOL_OPTIONS_INIT;
    struct lg_sqlite_options options = LG_SQLITE_OPTIONS_INIT;
    struct lg_pool *db;
    struct lg_lease outer, inner;
    one.capacity = 1;
    options.pool = &one;
    if (lg_sqlite_open("nested.db", &options, &db) != LG_OK ||
        lg_pool_checkout(db, lg_after_ms(5000), &outer) != LG_OK)
        return 1;
    int status = lg_pool_checkout(db, lg_after_ms(5000), &inner);
    if (status == LG_EDEADLK)
        lg_report_print(lg_report_last(), LG_REPORT_TEXT, 1);
    (void)!lg_pool_checkin(db, &outer);
    lg_pool_destroy(db);
    remove("nested.db");
    return status == LG_EDEADLK ? 0 : 1;
}
