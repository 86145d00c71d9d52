/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The cache that most projects write for themselves, written well: 256 shards of a mutex, a hash
 * table with chains, and an LRU list whose links lie in the entries; one allocation an entry, one
 * hash a call, values read in place under the shard's mutex. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "look.h"
#include "workload.h"

#define SHARD_BITS 8
#define SHARDS (1u << SHARD_BITS)

struct entry {
    struct entry *chain, *newer, *older;
    uint64_t hash;
    uint32_t key_size, value_size;
    unsigned char bytes[]; /* key, value */
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct entry **table;
    struct entry *newest, *oldest;
    uint64_t mask;
    uint64_t n_entries, most_entries;
};

struct lru {
    struct shard shards[SHARDS];
};

static void
unlink_from_list(struct shard *shard, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &shard->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void
link_newest(struct shard *shard, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = shard->newest;
    *(shard->newest != NULL ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

/* The place that holds the pointer to the entry, or the end of its chain. */
static struct entry **
find(const struct shard *shard, uint64_t hash, const void *key, size_t key_size)
{
    struct entry **place = &shard->table[hash & shard->mask];

    while (*place != NULL) {
        const struct entry *entry = *place;
        if (entry->hash == hash && entry->key_size == key_size &&
            memcmp(entry->bytes, key, key_size) == 0)
            break;
        place = &(*place)->chain;
    }
    return place;
}

static void
remove_at(struct shard *shard, struct entry **place)
{
    struct entry *entry = *place;

    *place = entry->chain;
    unlink_from_list(shard, entry);
    shard->n_entries--;
    free(entry);
}

static struct shard *
lock_shard(struct lru *lru, uint64_t hash)
{
    struct shard *shard = &lru->shards[hash >> (64 - SHARD_BITS)];

    __builtin_prefetch(&shard->table[hash & shard->mask]);
    pthread_mutex_lock(&shard->lock);
    return shard;
}

/* The value, or NULL. In both cases *held is to be unlocked. */
static const void *
lru_get(struct lru *lru, const void *key, size_t key_size, struct shard **held)
{
    uint64_t hash = XXH3_64bits(key, key_size);
    struct shard *shard = *held = lock_shard(lru, hash);
    struct entry *entry = *find(shard, hash, key, key_size);

    if (entry == NULL)
        return NULL;
    if (entry != shard->newest) {
        unlink_from_list(shard, entry);
        link_newest(shard, entry);
    }
    return entry->bytes + entry->key_size;
}

static int
lru_put(struct lru *lru, const void *key, size_t key_size, const void *value, size_t value_size)
{
    uint64_t hash = XXH3_64bits(key, key_size);
    struct entry *entry = malloc(sizeof *entry + key_size + value_size);

    if (entry == NULL)
        return -1;
    entry->hash = hash;
    entry->key_size = (uint32_t)key_size;
    entry->value_size = (uint32_t)value_size;
    memcpy(entry->bytes, key, key_size);
    memcpy(entry->bytes + key_size, value, value_size);

    struct shard *shard = lock_shard(lru, hash);
    struct entry **place = find(shard, hash, key, key_size);
    if (*place != NULL)
        remove_at(shard, place);
    if (shard->n_entries == shard->most_entries) {
        struct entry *oldest = shard->oldest;
        remove_at(shard, find(shard, oldest->hash, oldest->bytes, oldest->key_size));
    }
    place = &shard->table[hash & shard->mask];
    entry->chain = *place;
    *place = entry;
    link_newest(shard, entry);
    shard->n_entries++;
    pthread_mutex_unlock(&shard->lock);
    return 0;
}

static void
close_lru(void *cache)
{
    struct lru *lru = cache;

    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &lru->shards[i];
        for (struct entry *entry = shard->newest, *older; entry != NULL; entry = older) {
            older = entry->older;
            free(entry);
        }
        free(shard->table);
        pthread_mutex_destroy(&shard->lock);
    }
    free(lru);
}

static void *
open_lru(uint64_t n_entries)
{
    struct lru *lru = aligned_alloc(64, sizeof *lru);
    pthread_mutexattr_t adaptive;
    uint64_t most = n_entries / SHARDS, size = 16;

    if (lru == NULL)
        return NULL;
    while (size < most)
        size *= 2;
    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    for (unsigned i = 0; i < SHARDS; i++) {
        lru->shards[i] = (struct shard){.mask = size - 1, .most_entries = most};
        lru->shards[i].table = calloc(size, sizeof *lru->shards[i].table);
        pthread_mutex_init(&lru->shards[i].lock, &adaptive);
        if (lru->shards[i].table == NULL)
            abort();
    }
    pthread_mutexattr_destroy(&adaptive);
    return lru;
}

static void
put(void *cache, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    uint64_t value[LOOK_VALUE_BYTES / 8];

    workload_key(id, key);
    workload_fill(id, value, sizeof value);
    if (lru_put(cache, key, sizeof key, value, sizeof value) != 0)
        fprintf(stderr, "LRU: a put failed\n");
}

static inline int
look_up(void *cache, uint64_t id, struct look_count *count)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    struct shard *held;

    workload_key(id, key);
    const void *value = lru_get(cache, key, sizeof key, &held);
    if (value != NULL) {
        count->hits++;
        count->right += workload_check(id, value, LOOK_VALUE_BYTES);
    }
    pthread_mutex_unlock(&held->lock);
    return value != NULL;
}

static struct look_count
get(void *cache, const uint32_t *ids, size_t n)
{
    struct look_count count = {0, 0};

    for (size_t i = 0; i < n; i++)
        look_up(cache, ids[i], &count);
    return count;
}

static struct look_count
get_then_put(void *cache, const uint32_t *ids, size_t n)
{
    struct look_count count = {0, 0};

    for (size_t i = 0; i < n; i++) {
        if (!look_up(cache, ids[i], &count))
            put(cache, ids[i]);
    }
    return count;
}

static uint64_t
n_entries(void *cache)
{
    struct lru *lru = cache;
    uint64_t n = 0;

    for (unsigned i = 0; i < SHARDS; i++)
        n += lru->shards[i].n_entries;
    return n;
}

const struct look_peer look_lru = {
    "mutex + LRU, 256 shards", open_lru, close_lru, put, get, NULL, get_then_put, n_entries, NULL,
};
