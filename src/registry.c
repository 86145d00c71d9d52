/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "registry.h"

#include <pthread.h>

#include "cache.h"
#include "file.h"
#include "mend.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t exit_key;
static bool started, forked;
static struct gyre *open_caches;
static uint64_t last_id;
static uint64_t forking_owner; /* the thread that called fork, by its name in the parent */

static void
thread_exit(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (struct gyre *c = open_caches; c; c = c->next_open)
        gy_record_leave(c);
    pthread_mutex_unlock(&lock);
}

static void
before_fork(void)
{
    pthread_mutex_lock(&lock);
    forking_owner = (uint64_t)gy_os_pid() << 32 | gy_os_tid();
    gy_rcu_local_hold();
}

static void
after_fork_parent(void)
{
    gy_rcu_local_let_go();
    pthread_mutex_unlock(&lock);
}

static void
give_id(struct gyre *cache)
{
    cache->id = ++last_id;
    cache->straight_id = cache->reader_fences ? UINT64_MAX : cache->id;
    cache->plain_id = gy_cache_plain(cache) ? cache->id : UINT64_MAX;
}

/* The child's memory is the parent's at one instant, with all threads but one gone in mid-step; of a shared cache it is
 * the parent's still, and the child becomes a member of its own. New ids
 * send every thread through gy_record_find, where the first one mends the cache. */
static void
after_fork_child(void)
{
    gy_rcu_local_let_go();
    forked = true;
    for (struct gyre *c = open_caches; c; c = c->next_open) {
        give_id(c);
        gy_worker_forget(&c->worker);
        gy_rebuild_forget(c);
        gy_syncer_forget(&c->syncer);
        if (c->region.readonly)
            continue; /* it has no part in it */
        c->rcu = &gy_rcu_shared;
        if (c->file)
            gy_file_forget(c);
        if (c->members)
            gy_member_forget(c);
        if (gy_load_rlx(&c->orphaned) == 0) /* (Relaxed, here and below: this thread is alone.) */
            c->orphan_owner = forking_owner;
        gy_store_rlx(&c->orphaned, 1);
    }
    pthread_mutex_unlock(&lock);
}

bool
gy_registry_forked(void)
{
    return forked;
}

int
gy_registry_start(void)
{
    pthread_mutex_lock(&lock);
    int result = GYRE_OK;
    if (!started) {
        if (pthread_key_create(&exit_key, thread_exit) != 0) {
            result = GYRE_ENOMEM;
        } else if (pthread_atfork(before_fork, after_fork_parent, after_fork_child) != 0) {
            pthread_key_delete(exit_key);
            result = GYRE_ENOMEM;
        }
        started = result == GYRE_OK;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

void
gy_registry_add(struct gyre *cache)
{
    pthread_mutex_lock(&lock);
    give_id(cache);
    cache->next_open = open_caches;
    open_caches = cache;
    pthread_mutex_unlock(&lock);
}

void
gy_registry_remove(struct gyre *cache)
{
    pthread_mutex_lock(&lock);
    struct gyre **at = &open_caches;
    while (*at != cache)
        at = &(*at)->next_open;
    *at = cache->next_open;
    pthread_mutex_unlock(&lock);
}

int
gy_registry_enter_thread(void)
{
    return pthread_setspecific(exit_key, &exit_key) == 0 ? GYRE_OK : GYRE_ENOMEM;
}

int
gy_registry_adopt(struct gyre *cache)
{
    int result = GYRE_OK;
    pthread_mutex_lock(&lock);
    if (gy_load_rlx(&cache->orphaned)) { /* (Relaxed: under the lock) */
        if (cache->members) {
            result = cache->file ? gy_file_join_again(cache) : gy_member_join_again(cache);
        } else {
            gy_record_reap_quiet(cache, cache->orphan_owner);
            gy_mend_quiet(cache);
        }
        if (result == GYRE_OK)
            gy_store_rel(&cache->orphaned, 0); /* pairs with gy_record_find: the mended cache */
    }
    pthread_mutex_unlock(&lock);
    return result;
}
