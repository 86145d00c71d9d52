/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "model.h"

#include <string.h>

#include "fuzz.h"

/* The first half of the keys are the prefixes of one string of zeros and ones; the others are
 * short. */
gyre_key
model_key(unsigned i)
{
    static unsigned char *keys[MODEL_KEYS];
    size_t size = i < MODEL_KEYS / 2 ? i + 1 : 2 + i % 15;

    if (keys[i] == NULL) {
        keys[i] = malloc(size);
        FUZZ_CHECK(keys[i] != NULL, "memory");
        for (size_t at = 0; at < size; at++)
            keys[i][at] = (unsigned char)(i < MODEL_KEYS / 2 ? (at * at / 3) & 1 : i);
    }
    return (gyre_key){keys[i], size};
}

unsigned
model_key_index(const void *key, size_t size)
{
    const unsigned char *bytes = key;

    FUZZ_CHECK(size > 0 && size <= MODEL_KEY_MOST, "a key of %zu bytes", size);
    unsigned i = bytes[0] < 2 ? (unsigned)size - 1 : bytes[0];
    FUZZ_CHECK(i < MODEL_KEYS && model_key(i).size == size &&
                   memcmp(model_key(i).data, key, size) == 0,
               "not a key that was put");
    return i;
}

static uint64_t
word_of(uint32_t number, size_t at)
{
    uint64_t x = ((uint64_t)number << 32 | at) * 0x9e3779b97f4a7c15u;

    return x ^ x >> 29;
}

/* Word by word, and the rest of the last one: a copy of a size that the compiler knows is no call. */
void
model_fill(uint32_t number, void *data, size_t size)
{
    unsigned char *to = data;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        uint64_t word = word_of(number, at);
        memcpy(to + at, &word, 8);
    }
    for (uint64_t word = word_of(number, at); at < size; at++, word >>= 8)
        to[at] = (unsigned char)word;
}

void
model_check_bytes(uint32_t number, const void *data, size_t size, const char *where)
{
    const unsigned char *from = data;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, from + at, 8);
        FUZZ_CHECK(word == word_of(number, at), "%s: wrong bytes at %zu of %zu", where, at, size);
    }
    for (uint64_t word = word_of(number, at); at < size; at++, word >>= 8)
        FUZZ_CHECK(from[at] == (unsigned char)word, "%s: wrong byte %zu of %zu", where, at, size);
}

/* Whether a hit on the key is allowed now. */
static bool
may_stand(const struct model *model, unsigned i)
{
    const struct model_value *value = &model->values[i];

    return value->stands && (!value->has_ttl || model->now_ms < value->expiry_high);
}

void
model_check_view(struct model *model, unsigned i, const gyre_view *view, const char *where)
{
    const struct model_value *value = &model->values[i];

    FUZZ_CHECK(value->stands, "%s: key %u was removed, but is there", where, i);
    FUZZ_CHECK(may_stand(model, i), "%s: key %u is expired, but is there", where, i);
    FUZZ_CHECK(view->size == value->size, "%s: key %u: %zu bytes instead of %zu", where, i,
               view->size, value->size);
    FUZZ_CHECK(view->user_flags == value->user_flags, "%s: key %u", where, i);
    FUZZ_CHECK(model->versions ? view->version != 0 : view->version == 0, "%s: key %u", where, i);
    FUZZ_CHECK(value->version == 0 || view->version == value->version, "%s: key %u", where, i);
    FUZZ_CHECK(view->data != NULL && (uintptr_t)view->data % model->value_align == 0,
               "%s: alignment", where);
    if (value->has_ttl) {
        uint64_t low = value->expiry_low > model->now_ms ? value->expiry_low - model->now_ms : 1;
        FUZZ_CHECK(view->ttl_left_ms >= low &&
                       view->ttl_left_ms <= value->expiry_high - model->now_ms,
                   "%s: key %u: %u ms left", where, i, view->ttl_left_ms);
    } else {
        FUZZ_CHECK(view->ttl_left_ms == 0, "%s: key %u: %u ms left of none", where, i,
                   view->ttl_left_ms);
    }
    model_check_bytes(value->number, view->data, view->size, where);
}

void
model_check_lookup(struct model *model, unsigned i, int result)
{
    if (result == GYRE_MISS) {
        model->misses++;
    } else if (result == GYRE_OK || result == GYRE_E2BIG) {
        FUZZ_CHECK(may_stand(model, i), "a hit on key %u, which is not there", i);
        model->hits++;
    } else {
        FUZZ_CHECK(result == GYRE_ENOMEM && model->starved, "a lookup: %s", gyre_strerror(result));
    }
}

struct model_value
model_proposal(struct model *model, const gyre_put_options *options, size_t size)
{
    struct model_value value = {.stands = true, .number = ++model->next_number, .size = size};
    uint32_t ttl_ms =
        options != NULL && options->ttl_ms != 0 ? options->ttl_ms : model->default_ttl_ms;

    value.user_flags = options != NULL ? options->user_flags : 0;
    value.has_ttl = ttl_ms != 0 && ttl_ms != GYRE_NO_TTL;
    value.expiry_low = value.expiry_high = model->now_ms + ttl_ms;
    return value;
}

/* Versions are unique for every put in the life of a cache. */
static void
note_version(struct model *model, uint64_t version)
{
    uint64_t at = version * 0x9e3779b97f4a7c15u >> 50; /* to 14 bits */

    if (model->n_versions == MODEL_VERSIONS / 2)
        return;
    for (; model->seen_versions[at] != 0; at = (at + 1) % MODEL_VERSIONS)
        FUZZ_CHECK(model->seen_versions[at] != version, "version %llu twice",
                   (unsigned long long)version);
    model->seen_versions[at] = version;
    model->n_versions++;
}

static void
put_stands(struct model *model, unsigned i, const gyre_put_options *options,
           struct model_value proposal, uint64_t new_version)
{
    bool asked = options != NULL && options->new_version != NULL;

    FUZZ_CHECK(!asked || (model->versions ? new_version != 0 && new_version != MODEL_UNTOUCHED
                                          : new_version == 0),
               "new_version is %llu", (unsigned long long)new_version);
    if (asked && model->versions) {
        note_version(model, new_version);
        proposal.version = new_version;
    }
    model->values[i] = proposal;
    model->changed[i] = true;
    model->puts++;
}

/* Too large a value also removes what it would have replaced. */
static void
put_rejected(struct model *model, unsigned i, const gyre_put_options *options)
{
    struct model_value *old = &model->values[i];
    uint32_t flags = options != NULL ? options->flags : 0;

    if (flags == GYRE_ADD ||
        (flags == GYRE_IF_VERSION && old->version != 0 && old->version != options->version))
        return;
    /* With a version that the model does not know, it may have gone or not: nothing can be said. */
    if (flags == GYRE_IF_VERSION && old->version == 0)
        return;
    old->stands = false;
    model->changed[i] = true;
}

void
model_put_done(struct model *model, unsigned i, const gyre_put_options *options,
               struct model_value proposal, int result, uint64_t new_version)
{
    const struct model_value *old = &model->values[i];
    uint32_t flags = options != NULL ? options->flags : 0;
    bool too_big = proposal.size > model->max_value_bytes;

    model->put_calls++;
    if (flags == GYRE_IF_VERSION && !model->versions)
        FUZZ_CHECK(result == GYRE_EINVAL, "a version without GYRE_VERSIONS: %s",
                   gyre_strerror(result));
    if (result == GYRE_OK) {
        FUZZ_CHECK(!too_big, "%zu bytes accepted", proposal.size);
        FUZZ_CHECK(flags != GYRE_REPLACE || may_stand(model, i),
                   "replaced key %u, which is not there", i);
        FUZZ_CHECK(
            flags != GYRE_IF_VERSION ||
                (may_stand(model, i) && (old->version == 0 || old->version == options->version)),
            "key %u replaced against its version", i);
        put_stands(model, i, options, proposal, new_version);
        return;
    }
    FUZZ_CHECK(options == NULL || options->new_version == NULL || new_version == MODEL_UNTOUCHED,
               "a version for a put that failed: %s", gyre_strerror(result));
    switch (result) {
    case GYRE_EXISTS:
        FUZZ_CHECK(flags == GYRE_ADD && may_stand(model, i), "key %u exists?", i);
        break;
    case GYRE_MISS:
        FUZZ_CHECK(flags == GYRE_REPLACE || flags == GYRE_IF_VERSION, "a put of key %u missed", i);
        break;
    case GYRE_CHANGED:
        FUZZ_CHECK(flags == GYRE_IF_VERSION && may_stand(model, i), "key %u changed?", i);
        FUZZ_CHECK(old->version == 0 || old->version != options->version, "key %u did not change",
                   i);
        break;
    case GYRE_E2BIG:
        FUZZ_CHECK(too_big, "%zu bytes are too big, of %llu", proposal.size,
                   (unsigned long long)model->max_value_bytes);
        put_rejected(model, i, options);
        break;
    case GYRE_EBUSY: FUZZ_CHECK(model->held > 0, "busy, but nothing is held"); break;
    case GYRE_EINVAL:
        FUZZ_CHECK(flags == GYRE_IF_VERSION && !model->versions, "a put of key %u refused", i);
        break;
    default:
        FUZZ_CHECK(result == GYRE_ENOMEM && model->starved, "a put: %s", gyre_strerror(result));
    }
}

void
model_delete_done(struct model *model, unsigned i, int result)
{
    FUZZ_CHECK(result == GYRE_OK || result == GYRE_MISS ||
                   (result == GYRE_ENOMEM && model->starved),
               "a delete: %s", gyre_strerror(result));
    model->delete_calls++;
    if (result == GYRE_OK) {
        FUZZ_CHECK(may_stand(model, i), "deleted key %u, which is not there", i);
        model->deletes++;
    }
    if (result != GYRE_ENOMEM) {
        model->values[i].stands = false;
        model->changed[i] = true;
    }
}

void
model_touch_done(struct model *model, unsigned i, uint32_t ttl_ms, int result)
{
    struct model_value *value = &model->values[i];

    FUZZ_CHECK(result == GYRE_OK || result == GYRE_MISS ||
                   (result == GYRE_EBUSY && model->held > 0) ||
                   (result == GYRE_ENOMEM && model->starved),
               "a touch: %s", gyre_strerror(result));
    model->touch_calls++;
    if (result == GYRE_OK) {
        FUZZ_CHECK(may_stand(model, i), "touched key %u, which is not there", i);
        ttl_ms = ttl_ms != 0 ? ttl_ms : model->default_ttl_ms;
        value->has_ttl = ttl_ms != 0 && ttl_ms != GYRE_NO_TTL;
        value->expiry_low = value->expiry_high = model->now_ms + ttl_ms;
        model->changed[i] = true;
        model->touches++;
    }
}

void
model_clear(struct model *model)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        model->lingering[i] |= model->values[i].stands;
        model->values[i].stands = false;
        model->changed[i] = true;
    }
}

void
model_settled(struct model *model)
{
    memset(model->lingering, 0, sizeof model->lingering);
}

void
model_check_stats(struct model *model)
{
    gyre_stats s = GYRE_STATS_INIT;
    uint64_t removed = 0, standing = 0;

    FUZZ_CHECK(gyre_stats_read(model->cache, &s) == GYRE_OK, "statistics");
    for (int i = 0; i < GYRE_REASONS; i++) {
        removed += s.removed[i];
        FUZZ_CHECK(i <= GYRE_REJECTED || s.removed[i] == 0, "reason %d", i);
    }
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        standing += model->values[i].stands || model->lingering[i];
    FUZZ_CHECK(s.live_bytes + s.garbage_bytes + s.open_bytes + s.free_bytes + s.index_bytes ==
                   s.capacity_bytes,
               "%llu live, %llu garbage, %llu open, %llu free, %llu index, of %llu",
               (unsigned long long)s.live_bytes, (unsigned long long)s.garbage_bytes,
               (unsigned long long)s.open_bytes, (unsigned long long)s.free_bytes,
               (unsigned long long)s.index_bytes, (unsigned long long)s.capacity_bytes);
    /* A part that wrapped below zero could still add up. */
    FUZZ_CHECK(s.live_bytes <= s.capacity_bytes && s.garbage_bytes <= s.capacity_bytes &&
                   s.open_bytes <= s.capacity_bytes && s.free_bytes <= s.capacity_bytes,
               "a part is larger than the whole");
    FUZZ_CHECK(s.capacity_bytes <= model->capacity_bytes, "capacity");
    FUZZ_CHECK(s.entries <= standing, "%llu entries, of %llu that may be there",
               (unsigned long long)s.entries, (unsigned long long)standing);
    FUZZ_CHECK(model->max_entries == 0 || s.entries <= model->max_entries, "%llu entries",
               (unsigned long long)s.entries);
    FUZZ_CHECK(s.hits == model->hits && s.misses == model->misses,
               "%llu hits, %llu misses; not %llu, %llu", (unsigned long long)s.hits,
               (unsigned long long)s.misses, (unsigned long long)model->hits,
               (unsigned long long)model->misses);
    uint64_t lookups = s.hits + s.misses;
    uint64_t ppm = lookups > 0 ? s.hits * 1000000 / lookups : 0;
    FUZZ_CHECK(s.hit_rate_ppm <= ppm + 1 && s.hit_rate_ppm + 1 >= ppm, "hit rate %u",
               s.hit_rate_ppm);
    FUZZ_CHECK(s.puts >= model->puts && s.puts <= model->put_calls, "puts");
    FUZZ_CHECK(s.deletes >= model->deletes && s.deletes <= model->delete_calls, "deletes");
    FUZZ_CHECK(s.touches >= model->touches && s.touches <= model->touch_calls, "touches");
    /* A touch is a replacement, which may count as such. */
    FUZZ_CHECK(s.entries + removed >= model->puts &&
                   s.entries + removed <= model->puts + model->touches,
               "%llu entries and %llu removed, of %llu put and %llu touched",
               (unsigned long long)s.entries, (unsigned long long)removed,
               (unsigned long long)model->puts, (unsigned long long)model->touches);
    FUZZ_CHECK(model->held > 0 || s.pinned_bytes == 0, "%llu bytes pinned by nobody",
               (unsigned long long)s.pinned_bytes);
}
