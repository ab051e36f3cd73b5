/* SQLite driver, prepared statements: the least recently used goes first, but never one that the
 * present lease has been given, because its user may still step it.  So a lease that uses more than
 * the limit makes the cache grow, and the checkin makes it shrink. */
#include "drivers/sqlite_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Guard: the user of the connection. */
struct lg__sqlite_statement {
    uint64_t hash;
    uint64_t used; /* cache->clock at the last use */
    sqlite3_stmt *statement;
    const char *asked; /* the caller's text at the last use: compared, never read */
    char *sql;         /* SQLite's own copy ends at the first semicolon */
};

/* FNV-1a: statements are short and few. */
static uint64_t hash_of(const char *sql)
{
    uint64_t hash = 14695981039346656037u;
    for (const unsigned char *p = (const unsigned char *)sql; *p; p++)
        hash = (hash ^ *p) * 1099511628211u;
    return hash;
}

/* Most texts are constants, so the address finds the entry without a look at all its bytes; the
 * comparison is for those that are not. */
static struct lg__sqlite_statement *find_again(const struct lg__sqlite_cache *cache,
                                               const char *sql)
{
    for (uint32_t i = 0; i < cache->count; i++)
        if (cache->entries[i].asked == sql && !strcmp(cache->entries[i].sql, sql))
            return &cache->entries[i];
    return NULL;
}

static struct lg__sqlite_statement *find_statement(const struct lg__sqlite_cache *cache,
                                                   uint64_t hash, const char *sql)
{
    for (uint32_t i = 0; i < cache->count; i++)
        if (cache->entries[i].hash == hash && !strcmp(cache->entries[i].sql, sql))
            return &cache->entries[i];
    return NULL;
}

static struct lg__sqlite_statement *oldest_of(const struct lg__sqlite_cache *cache)
{
    struct lg__sqlite_statement *oldest = cache->entries;
    for (uint32_t i = 1; i < cache->count; i++)
        if (cache->entries[i].used < oldest->used)
            oldest = &cache->entries[i];
    return oldest;
}

static void drop_statement(struct lg__sqlite_cache *cache, struct lg__sqlite_statement *entry)
{
    sqlite3_finalize(entry->statement);
    free(entry->sql);
    *entry = cache->entries[--cache->count];
}

/* Room for one more entry. */
static bool make_room(struct lg__sqlite_cache *cache)
{
    if (cache->count >= cache->limit) {
        struct lg__sqlite_statement *oldest = oldest_of(cache);
        if (oldest->used <= cache->lease_start)
            drop_statement(cache, oldest);
    }
    if (cache->count < cache->room)
        return true;
    uint32_t room = cache->room ? cache->room * 2 : 8;
    struct lg__sqlite_statement *entries = lg__sqlite_alloc(room * sizeof *entries);
    if (!entries)
        return false;
    if (cache->count)
        memcpy(entries, cache->entries, cache->count * sizeof *entries);
    free(cache->entries);
    cache->entries = entries;
    cache->room = room;
    return true;
}

/* Whether something follows the first statement: a second one, or half of one. */
static bool has_more(sqlite3 *handle, const char *tail)
{
    while (isspace((unsigned char)*tail) || *tail == ';')
        tail++;
    if (!*tail)
        return false;
    sqlite3_stmt *second = NULL;
    int code = sqlite3_prepare_v2(handle, tail, -1, &second, NULL);
    bool is_nothing = code == SQLITE_OK && !second; /* a comment */
    sqlite3_finalize(second);
    return !is_nothing;
}

static int prepare_one(sqlite3 *handle, const char *file, const char *sql, sqlite3_stmt **out)
{
    const char *tail = NULL;
    int code = sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, &tail);
    if (code != SQLITE_OK)
        return lg__sqlite_fail_code(handle, code, file);
    if (!*out)
        return lg__sqlite_fail(LG_EINVAL, "there is no statement in this SQL");
    if (has_more(handle, tail)) {
        sqlite3_finalize(*out);
        *out = NULL;
        return lg__sqlite_fail(LG_EINVAL, "one statement at a time; lg_sqlite_exec runs several");
    }
    return LG_OK;
}

static int add_statement(struct lg__sqlite_cache *cache, sqlite3 *handle, const char *file,
                         const char *sql, struct lg__sqlite_statement **out)
{
    sqlite3_stmt *statement = NULL;
    int status = prepare_one(handle, file, sql, &statement);
    if (status != LG_OK)
        return status;
    char *copy = lg__sqlite_copy(sql);
    if (!copy || !make_room(cache)) {
        sqlite3_finalize(statement);
        free(copy);
        return lg__sqlite_fail(LG_ENOMEM, "out of memory");
    }
    *out = &cache->entries[cache->count++];
    **out = (struct lg__sqlite_statement){.statement = statement, .sql = copy};
    return LG_OK;
}

int lg__sqlite_cache_get(struct lg__sqlite_cache *cache, sqlite3 *handle, const char *file,
                         const char *sql, sqlite3_stmt **out)
{
    struct lg__sqlite_statement *entry = find_again(cache, sql);
    if (!entry) {
        uint64_t hash = hash_of(sql);
        entry = find_statement(cache, hash, sql);
        int status = entry ? LG_OK : add_statement(cache, handle, file, sql, &entry);
        if (status != LG_OK)
            return status;
        entry->hash = hash;
        entry->asked = sql;
    }
    sqlite3_reset(entry->statement);
    sqlite3_clear_bindings(entry->statement);
    entry->used = ++cache->clock;
    *out = entry->statement;
    return LG_OK;
}

void lg__sqlite_cache_trim(struct lg__sqlite_cache *cache)
{
    cache->lease_start = cache->clock;
    while (cache->count > cache->limit)
        drop_statement(cache, oldest_of(cache));
}

void lg__sqlite_cache_free(struct lg__sqlite_cache *cache)
{
    while (cache->count)
        drop_statement(cache, cache->entries);
    free(cache->entries);
    *cache = (struct lg__sqlite_cache){0};
}
