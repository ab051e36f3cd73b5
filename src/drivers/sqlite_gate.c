/* SQLite driver, the gate: one writer a file within the process, whichever pool it comes through.
 *
 * The registry finds a gate by device and inode.  An inode number cannot come back for another file
 * while a gate exists, because connections have the file open.
 *
 * Fork.  The child inherits SQLite's table of open files, in which the parent's locks look held and
 * are not, so it must never open such a file (sqlite.org/howtocorrupt.html, "Carrying an open
 * database connection across a fork").  An entry made in the parent therefore refuses, and is never
 * removed in the child.
 *
 * Lock rank: registry_lock is a leaf; no call into the library is made under it. */
#include "drivers/sqlite_parts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct lg__sqlite_gate {
    dev_t device;                 /* r/o */
    ino_t inode;                  /* r/o */
    uint32_t forks;               /* r/o: of the process that made it */
    struct lg_pool *pool;         /* r/o */
    uint32_t references;          /* under registry_lock */
    struct lg__sqlite_gate *next; /* under registry_lock */
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lg__sqlite_gate *registry; /* under registry_lock */
static uint32_t forks;                   /* changes only in a child that has one thread */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_result; /* r/o after fork_once */

static void before_fork(void)
{
    pthread_mutex_lock(&registry_lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&registry_lock);
}

static void after_fork_in_child(void)
{
    forks++;
    pthread_mutex_unlock(&registry_lock);
}

static void watch_forks(void)
{
    fork_result = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

uint32_t lg__sqlite_forks(void)
{
    return forks;
}

/* The gate's resource: there is nothing to it but the right to hold it. */
static int open_right(void *arg, const struct lg_open *open, void **resource)
{
    static char right;
    (void)arg;
    (void)open;
    *resource = &right;
    return LG_OK;
}

static void close_right(void *arg, void *resource)
{
    (void)arg;
    (void)resource;
}

static const struct lg_driver right_driver = LG_DRIVER_INIT("writer", open_right, close_right);

/* Opened at once, so that the first writer of a program does not wait for a thread to start. */
static int open_now(struct lg_pool *pool)
{
    struct lg_lease lease;
    int status = lg_pool_checkout(pool, lg_after_ms(10000), &lease);
    return status == LG_OK ? lg_pool_checkin(pool, &lease) : status;
}

static int create_gate(const struct lg__sqlite_file *file, struct lg__sqlite_gate **out)
{
    struct lg__sqlite_gate *gate = lg__sqlite_alloc(sizeof *gate);
    if (!gate)
        return lg__sqlite_fail(LG_ENOMEM, "out of memory");
    gate->device = file->device;
    gate->inode = file->inode;
    gate->forks = forks;
    gate->references = 1;
    char name[LG_NAME_SIZE];
    snprintf(name, sizeof name, "%.*s writer", LG_NAME_SIZE - 8, file->base);
    struct lg_pool_options options = LG_POOL_OPTIONS_INIT;
    options.capacity = 1;
    options.overtaking_us = 10000; /* a strict queue would switch threads at each transaction,
                                      and each switch makes SQLite read its pages again */
    options.name = name;
    options.advice = "roll back or finish the transaction that holds the writer gate";
    int status = lg_pool_create(&right_driver, NULL, &options, &gate->pool);
    if (status == LG_OK)
        status = open_now(gate->pool);
    if (status == LG_OK) {
        *out = gate;
        return LG_OK;
    }
    lg_pool_destroy(gate->pool);
    free(gate);
    return lg__sqlite_fail(status, "%s: no gate for writers: %s", file->path,
                           lg_status_text(status));
}

static void destroy_gate(struct lg__sqlite_gate *gate)
{
    if (!gate)
        return;
    lg_pool_destroy(gate->pool);
    free(gate);
}

/* Find the file's gate and count a reference, or insert `fresh` if there is none.
 * Guard: registry_lock is taken here. */
static struct lg__sqlite_gate *find_or_insert(const struct lg__sqlite_file *file,
                                              struct lg__sqlite_gate *fresh)
{
    pthread_mutex_lock(&registry_lock);
    struct lg__sqlite_gate *gate = registry;
    while (gate && (gate->device != file->device || gate->inode != file->inode))
        gate = gate->next;
    if (gate) {
        gate->references++;
    } else if (fresh) {
        fresh->next = registry;
        registry = gate = fresh;
    }
    pthread_mutex_unlock(&registry_lock);
    return gate;
}

int lg__sqlite_gate_get(const struct lg__sqlite_file *file, struct lg__sqlite_gate **out)
{
    pthread_once(&fork_once, watch_forks);
    if (fork_result)
        return lg__sqlite_fail(LG_ENOMEM, "out of memory");
    struct lg__sqlite_gate *gate = find_or_insert(file, NULL);
    if (!gate) {
        struct lg__sqlite_gate *fresh = NULL;
        int status = create_gate(file, &fresh);
        if (status != LG_OK)
            return status;
        gate = find_or_insert(file, fresh);
        if (gate != fresh)
            destroy_gate(fresh);
    }
    if (gate->forks != forks) {
        lg__sqlite_gate_put(gate);
        return lg__sqlite_fail(LG_EFORK,
                               "%s: was open in the parent process at fork(), so it cannot be used "
                               "here; open it after the fork, or exec",
                               file->path);
    }
    *out = gate;
    return LG_OK;
}

void lg__sqlite_gate_put(struct lg__sqlite_gate *gate)
{
    if (!gate || gate->forks != forks)
        return;
    pthread_mutex_lock(&registry_lock);
    bool is_last = --gate->references == 0;
    struct lg__sqlite_gate **link = &registry;
    while (is_last && *link != gate)
        link = &(*link)->next;
    if (is_last)
        *link = gate->next;
    pthread_mutex_unlock(&registry_lock);
    if (is_last)
        destroy_gate(gate);
}

struct lg_pool *lg__sqlite_gate_pool(struct lg__sqlite_gate *gate)
{
    return gate->pool;
}
