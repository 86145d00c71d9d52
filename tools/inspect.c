/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* The order of an inspection; the head, the history, and the numbers that the cache keeps of itself.
 *
 * Numbers are compared only where nobody has written meanwhile. They lag behind what is done, so that a death leaves them
 * behind: then they are not judged before the next member has brought them up to date. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "credit.h"
#include "hand.h"
#include "index.h"
#include "inspect_parts.h"
#include "note.h"
#include "os_object.h"
#include "region_object.h"

enum { LOOKS = 50, STILL = 8, MANY = 50 }; /* after many faults, they are looked at less often */

void
inspect_place(struct inspect *i, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(i->place, sizeof i->place, format, args);
    va_end(args);
}

bool
inspect_what(struct inspect *i, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(i->what, sizeof i->what, format, args);
    va_end(args);
    return true;
}

static void
tell(struct inspect *i)
{
    i->report->faults++;
    if (i->report->fault != NULL)
        i->report->fault(i->report->arg, i->place, i->what);
}

void
inspect_judge(struct inspect *i, inspect_wrong *wrong, uint64_t n)
{
    char before[INSPECT_TEXT];
    bool many = i->report->faults >= MANY;
    if (!wrong(i, n))
        return;
    for (unsigned looks = 0, still = 0; looks < LOOKS; looks++) {
        memcpy(before, i->what, sizeof before);
        if (!many)
            gy_os_nap();
        if (!wrong(i, n))
            return;
        still = strcmp(before, i->what) == 0 ? still + 1 : 0;
        if (still == (many ? 1 : STILL)) {
            tell(i);
            return;
        }
    }
    i->report->moving++;
}

void
inspect_progress(struct inspect *i, uint64_t lines)
{
    i->done += lines;
    if (i->report->progress != NULL)
        i->report->progress(i->report->arg, i->done, i->total);
}

/* ---- numbers ----------------------------------------------------------------------------------------------- */

/* What has come into the index or gone from it, ever; an odd number while somebody is about to change it. */
static uint64_t
changes(const struct gyre *c)
{
    uint64_t sum = 0, busy = 0;
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&c->super->n_records_used), c->g.n_records);
    for (uint32_t n = 0; n < used; n++) {
        struct gy_record *r = &c->records[n];
        busy |= gy_load_acq(&r->section);
        sum += gy_load_acq(&r->count.puts) + gy_load_acq(&r->count.touches) + gy_load_acq(&r->count.leases) +
               gy_load_acq(&r->count.copied_entries) + gy_load_acq(&r->count.puts_rejected);
        for (unsigned reason = 0; reason < GYRE_REASONS; reason++)
            sum += gy_load_acq(&r->count.removed[reason]);
    }
    return sum << 1 | (busy != 0);
}

static bool
changed(const struct inspect *i)
{
    return (i->changes & 1) != 0 || changes(i->cache) != i->changes;
}

static bool
wrong_shard_count(struct inspect *i, uint64_t n)
{
    int64_t counted = gy_account_entries(i->cache, n);
    if (counted == (int64_t)i->committed[n] || changed(i))
        return false;
    inspect_place(i, "shard %llu", (unsigned long long)n);
    return inspect_what(i, "counts %lld entries, and its words are %llu", (long long)counted,
                        (unsigned long long)i->committed[n]);
}

static bool
wrong_ring_count(struct inspect *i, uint64_t n)
{
    int64_t counted = (int64_t)gy_load_acq(&i->cache->super->n_entries[n]);
    if (counted == (int64_t)i->in_ring[n] || changed(i))
        return false;
    inspect_place(i, "head, entries of %s", n == GY_MAIN ? "main" : "probation");
    return inspect_what(i, "counts %lld, and the index's words are %llu", (long long)counted,
                        (unsigned long long)i->in_ring[n]);
}

/* Dead bytes are counted late, never early. */
static bool
wrong_arena_count(struct inspect *i, uint64_t n)
{
    struct gy_book *book = &i->cache->books[n];
    uint64_t used = gy_load_acq(&book->position) & ~GY_CLOSED, dead = gy_load_acq(&book->dead);
    if (i->live[n] == 0 || dead + i->live[n] <= used || gy_arena_read_into(gy_load_acq(&i->cache->words[n])) || changed(i))
        return false;
    inspect_place(i, "arena %llu", (unsigned long long)n);
    return inspect_what(i, "%llu of its %llu bytes are counted as dead, and words refer to %llu", (unsigned long long)dead,
                        (unsigned long long)used, (unsigned long long)i->live[n]);
}

/* Changes of which arenas are free; odd ones: in the middle of one. (Threads of private caches do not count them.) */
static uint64_t
arena_changes(const struct gyre *c, bool *in_the_middle)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < c->g.n_records && n < gy_load_acq(&c->super->n_records_used); n++) {
        uint32_t of_this = gy_load_acq(&c->records[n].arena_changes);
        *in_the_middle |= of_this & 1;
        sum += of_this;
    }
    return sum;
}

static bool
wrong_free_count(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    bool in_the_middle = false;
    uint64_t before = arena_changes(c, &in_the_middle), n_free = 0;
    int64_t counted = (int64_t)gy_load_acq(&c->super->n_free);
    for (uint32_t a = 0; a < c->g.n_arenas; a++)
        n_free += gy_arena_state(gy_load_acq(&c->words[a])) == GY_FREE;
    (void)n;
    if (counted == (int64_t)n_free || in_the_middle || arena_changes(c, &in_the_middle) != before || in_the_middle)
        return false;
    inspect_place(i, "head, free arenas");
    return inspect_what(i, "counts %lld, and %llu are", (long long)counted, (unsigned long long)n_free);
}

/* Index, what is set aside for it, and arenas in use are the capacity. */
static bool
wrong_index_bytes(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    uint64_t driven = 0, bytes = 0, arenas = 0;
    for (unsigned s = 0; s < c->g.n_shards; s++) {
        driven |= gy_load_acq(&c->super->shard[s].driver);
        bytes += gy_shard_extent(c, s) * sizeof(struct gy_bucket);
    }
    for (uint32_t a = 0; a < c->g.n_arenas; a++)
        arenas += !gy_arena_withdrawn(gy_load_acq(&c->words[a]));
    uint64_t counted = gy_load_acq(&c->super->index_bytes), credit = gy_credit(c);
    (void)n;
    inspect_place(i, "head, bytes of the index");
    if (driven != 0)
        return false;
    if (counted != bytes)
        return inspect_what(i, "counts %llu, and %llu are in use", (unsigned long long)counted, (unsigned long long)bytes);
    if (bytes + credit + (arenas << c->g.arena_shift) != c->g.capacity_bytes)
        return inspect_what(i, "%llu, %llu set aside and %llu arenas are not the capacity", (unsigned long long)bytes,
                            (unsigned long long)credit, (unsigned long long)arenas);
    return false;
}

static void
compare_numbers(struct inspect *i)
{
    const struct gyre *c = i->cache;
    i->report->behind = i->report->members_dead > 0 || gy_load_acq(&c->super->recount) != 0;
    i->report->written = changed(i);
    for (uint32_t a = 0; a < c->g.n_arenas; a++) {
        uint64_t used = gy_load_acq(&c->books[a].position) & ~GY_CLOSED, known = gy_load_acq(&c->books[a].dead) + i->live[a];
        enum gy_arena_state state = gy_arena_state(gy_load_acq(&c->words[a]));
        bool in_use = state >= GY_OPEN && state <= GY_PARKED;
        i->report->live_bytes += i->live[a];
        if (in_use && used > known && !i->report->written)
            i->report->lost_bytes += used - known;
        inspect_judge(i, wrong_arena_count, a);
    }
    if (i->report->behind)
        return;
    for (unsigned s = 0; s < c->g.n_shards; s++)
        inspect_judge(i, wrong_shard_count, s);
    for (unsigned ring = 0; ring < GY_RINGS && c->g.max_entries; ring++)
        inspect_judge(i, wrong_ring_count, ring);
    inspect_judge(i, wrong_free_count, 0);
    inspect_judge(i, wrong_index_bytes, 0);
}

/* ---- head and history ---------------------------------------------------------------------------------------- */

static bool
wrong_clear(struct inspect *i, uint64_t n)
{
    struct gy_super *s = i->cache->super;
    uint64_t done = gy_load_acq(&s->done) & ~GY_DOUBT, mark = gy_load_acq(&s->mark), sequence = gy_load_acq(&s->sequence);
    (void)n;
    inspect_place(i, "head, marks of clear");
    return (done > mark || (mark != 0 && mark >= sequence)) &&
           inspect_what(i, "done up to %llu, begun up to %llu, of %llu numbers given out", (unsigned long long)done,
                        (unsigned long long)mark, (unsigned long long)sequence);
}

static bool
wrong_hand(struct inspect *i, uint64_t n)
{
    uint64_t hand = gy_load_acq(&i->cache->super->hand[n].parked) & ~GY_HAND_FLAGS;
    inspect_place(i, "head, hand %llu", (unsigned long long)n);
    return hand > i->cache->g.n_arenas &&
           inspect_what(i, "stands at arena %llu of %u", (unsigned long long)hand - 1, i->cache->g.n_arenas);
}

/* Who opens a file says that it is not clean before he joins, and the last to leave says the opposite after that. */
static bool
wrong_life(struct inspect *i, uint64_t n)
{
    const struct gyre *c = i->cache;
    uint64_t clean = gy_load_acq(&c->super->life.clean);
    uint32_t used = (uint32_t)gy_min(gy_load_acq(&c->super->n_members_used), c->g.n_members), there = 0;
    for (uint32_t place = 0; place < used; place++)
        there += gy_member_state(gy_load_acq(&c->members[place].word)) != GY_MEMBER_FREE;
    (void)n;
    inspect_place(i, "head, a file's life");
    if (clean > GY_FILE_OPENING)
        return inspect_what(i, "whether it is clean is %llu, and should be 0 to 2", (unsigned long long)clean);
    return clean == GY_FILE_CLEAN && there > 0 && inspect_what(i, "it is clean, and %u processes have not closed it", there);
}

/* Whoever opens a file for writing mends the one by the other. */
static bool
wrong_copy(struct inspect *i, uint64_t n)
{
    const struct gy_super *s = i->cache->super;
    (void)n;
    inspect_place(i, "head");
    return memcmp(s, s->copy, sizeof s->copy) != 0 &&
           inspect_what(i, "it is damaged, or its copy: the next program that opens it for writing mends it");
}

static bool
wrong_history(struct inspect *i, uint64_t n)
{
    enum { CELLS = GY_HISTORY_WORDS - 1 };
    gy_atomic_u16 *bucket = i->cache->history + n * GY_HISTORY_WORDS;
    unsigned oldest = gy_load_rlx(&bucket[0]);
    inspect_place(i, "history, bucket %llu", (unsigned long long)n);
    if (oldest >= CELLS)
        return inspect_what(i, "its oldest cell is %u of %u", oldest, CELLS);
    for (unsigned k = 1; k <= CELLS; k++) {
        unsigned cell = gy_load_rlx(&bucket[k]);
        if (cell != 0 && (cell & ((1u << GY_KIND_BITS) - 1)) >= GY_KINDS)
            return inspect_what(i, "cell %u remembers a kind that there is not", k);
    }
    return false;
}

static void
inspect_history(struct inspect *i)
{
    const struct gyre *c = i->cache;
    for (uint64_t n = 0; n < c->g.n_history && !gy_rebuilding(c); n++) { /* else there are notes in it */
        inspect_judge(i, wrong_history, n);
        for (unsigned k = 1; k < GY_HISTORY_WORDS; k++)
            i->report->remembered += gy_load_rlx(&c->history[n * GY_HISTORY_WORDS + k]) != 0;
        inspect_progress(i, 1);
    }
    i->report->history_buckets = c->g.n_history;
}

int
inspect_cache(struct gyre *cache, struct inspect_report *report)
{
    struct inspect i = {.cache = cache, .report = report};
    i.live = calloc(cache->g.n_arenas, sizeof *i.live);
    i.committed = calloc(cache->g.n_shards, sizeof *i.committed);
    report->format = cache->super->format, report->minor = cache->super->minor;
    if (i.live != NULL && i.committed != NULL) {
        i.total = gy_load_acq(&cache->super->index_bytes) / GY_LINE * INSPECT_BUCKET_LINES + cache->g.n_history +
                  ((uint64_t)cache->g.n_arenas << cache->g.arena_shift) / GY_LINE;
        inspect_judge(&i, wrong_clear, 0);
        for (unsigned n = 0; n < GY_HANDS; n++)
            inspect_judge(&i, wrong_hand, n);
        if (cache->file) {
            inspect_judge(&i, wrong_life, 0);
            inspect_judge(&i, wrong_copy, 0);
        }
        inspect_users(&i);
        inspect_arenas(&i);
        i.changes = changes(cache);
        inspect_index(&i);
        compare_numbers(&i);
        inspect_history(&i);
    }
    bool enough = i.live != NULL && i.committed != NULL;
    free(i.live);
    free(i.committed);
    return enough ? GYRE_OK : GYRE_ENOMEM;
}

/* ---- what is not followed --------------------------------------------------------------------------------------- */

static void
judge_shards(struct inspect *i, int fd, const struct gy_super *head)
{
    size_t bytes = head->geometry.counts_at; /* what follows the words that are looked at */
    char *copy = aligned_alloc(GY_LINE, gy_align_up(bytes, GY_LINE));
    if (copy != NULL && gy_os_object_read(fd, copy, bytes) == GYRE_OK &&
        gy_layout_verify_shards(copy, &head->geometry) != GYRE_OK)
        for (unsigned n = 0; n < head->geometry.n_shards; n++) {
            gy_atomic_u64 *words = gy_layout_geometries(copy, &head->geometry);
            struct gy_geometry only = head->geometry;
            uint64_t word = gy_load_rlx(&words[n]);
            gy_store_rlx(&words[0], word);
            only.n_shards = 1;
            if (gy_layout_verify_shards(copy, &only) == GYRE_OK)
                continue;
            inspect_place(i, "head, shard %u", n);
            inspect_what(i, "its word of size and phase is %#llx", (unsigned long long)word);
            tell(i);
        }
    free(copy);
}

static void
judge_head(struct inspect *i, int fd, const struct gy_super *head, uint64_t bytes)
{
    uint32_t state = gy_load_rlx(&head->state);
    inspect_place(i, "head");
    if (gy_layout_verify(head, bytes) == GYRE_OK) {
        judge_shards(i, fd, head);
        if (i->report->faults > 0 || gy_load_rlx(&head->life.clean) != GY_FILE_CLEAN)
            return;
        inspect_place(i, "tables");
        inspect_what(i, "not those that were signed when it was closed: the next program that opens it for writing recovers it");
        tell(i);
        return;
    }
    if (gy_layout_unfinished(head))
        inspect_what(i, "nobody has finished making it");
    else if (state > 1 || head->reader_fences > 1)
        inspect_what(i, "its state is %u, its kind of readers %u: each is 0 or 1", state, head->reader_fences);
    else if (head->geometry.region_bytes != bytes)
        inspect_what(i, "the object has %llu bytes, and the region %llu", (unsigned long long)bytes,
                     (unsigned long long)head->geometry.region_bytes);
    else
        inspect_what(i, "its numbers are not those that were signed, or do not fit each other");
    tell(i);
}

int
inspect_head(const char *path, struct inspect_report *report)
{
    struct inspect i = {.report = report};
    struct gy_super head = {.magic = 0};
    struct gy_object object;
    int fd;
    int result = gy_os_object_open(path, true, &fd);
    if (result != GYRE_OK)
        return result;
    result = gy_os_object_look(fd, &object);
    if (result == GYRE_OK)
        result = gy_os_object_read(fd, &head, sizeof head);
    report->format = head.format, report->minor = head.minor;
    if (result == GYRE_OK)
        judge_head(&i, fd, &head, object.bytes);
    gy_os_object_close(fd);
    return result;
}
