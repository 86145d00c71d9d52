/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Every system call and allocation of the library fails: under each public function, the first of its
 * kind, the second, and so on until the function makes no more of them; that one only, or all from it
 * on. Each time the answer is the documented one, nothing has changed that the answer does not say, the
 * cache works afterwards, and after the close nothing is left. What can fail and what is public are
 * lists that the build takes from the library and from gyre.h: a new import or a new function without a
 * case fails here. */

#include "faults/faults.h"
#include "lists.h"

static const struct configuration {
    uint32_t flags, capacity_bytes;
    bool own_allocator;
} configurations[] = {{0, 64 * KIB, false},
                      {GYRE_NO_THREAD, 64 * KIB, true},
                      {GYRE_NO_THREAD | GYRE_LIBURCU | GYRE_VERSIONS, 64 * KIB, false},
                      {GYRE_LIBURCU | GYRE_HUGEPAGES, 8 * MIB, true},
                      {GYRE_NO_THREAD, MIB, false}}; /* has several lanes */
enum { CONFIGURATIONS = sizeof configurations / sizeof *configurations };

/* One run: a cache is made, one function is called by a thread of its own while something fails. */
struct run {
    const struct fault_case *what;
    const struct configuration *how;
    bool first_call; /* of that thread: it has to be registered */
    struct fault_plan plan;
    struct scene scene;
    int answer;
    unsigned struck, calls[FAULTS];
};

/* ---- what must hold ---------------------------------------------------------------------------- */

/* What gyre.h says of a function when a call of that kind fails; GYRE_OK: nobody notices. */
static int
documented(unsigned needs, enum fault fault)
{
    switch (fault) {
    case FAULT_ALLOCATE:
    case FAULT_MALLOC:
        return needs & (OPENS | LISTS) ? GYRE_ENOMEM : GYRE_OK;
    case FAULT_MMAP:
    case FAULT_SPECIFIC:
        return needs & (OPENS | REGISTERS) ? GYRE_ENOMEM : GYRE_OK;
    case FAULT_THREAD:
    case FAULT_KEY:
    case FAULT_ATFORK:
        return needs & OPENS ? GYRE_ENOMEM : GYRE_OK;
    case FAULT_RANDOM:
        return needs & OPENS ? GYRE_EIO : GYRE_OK;
    case FAULT_BARRIER: /* no arena can be freed: as if all were pinned */
        return needs & STORES ? GYRE_EBUSY : GYRE_OK;
    default:
        return GYRE_OK;
    }
}

static void
check_answer(const struct run *r)
{
    bool its_own = r->struck > 0 && r->plan.scope == OF_CALLER;
    int error = its_own ? documented(r->what->needs, r->plan.fault) : GYRE_OK;
    bool no_room = r->plan.for_ever && r->plan.at == 1 && r->how->flags & GYRE_NO_THREAD;
    if (error == GYRE_EBUSY && !no_room && r->answer == r->what->usual)
        return; /* an arena was freed before, or by the maintenance thread */
    CHECK_EQ(r->answer, error != GYRE_OK ? error : r->what->usual);
    if (r->what->needs & OPENS && r->answer == GYRE_OK)
        CHECK_EQ(faults_random_bytes(), sizeof(uint64_t)); /* of a whole seed */
}

static uint64_t
n_removed(const gyre_stats *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < GYRE_REASONS; i++)
        n += s->removed[i];
    return n;
}

/* What came in is there or was removed for a reason; and the scene is what a caller reads. Whatever a
 * caller has put may have been evicted, unless nothing that was called takes room. */
static uint64_t
count_contents(const struct scene *s, bool none_evicted)
{
    uint64_t n_present = 0;
    for (unsigned k = 0; k < SCENE_KEYS; k++) {
        char value[SCENE_VALUE_BYTES];
        size_t size = 0;
        int rc = gyre_read(s->cache, scene_key(k), SCENE_KEY_BYTES, value, sizeof value, &size);
        CHECK(rc == GYRE_OK || rc == GYRE_MISS);
        if (rc == GYRE_OK)
            CHECK_MSG(scene_value_is(s, k, value, size), "key %u has another value", k);
        CHECK_MSG(!none_evicted || s->tag[k] == 0 || rc == GYRE_OK, "key %u has gone", k);
        n_present += rc == GYRE_OK;
    }
    return n_present;
}

static void
check_contents(const struct scene *s, bool none_evicted)
{
    uint64_t n_present = count_contents(s, none_evicted);
    gyre_stats stats = api_stats(s->cache);
    for (unsigned i = 0; i < API_PAUSES_MOST; i++) {
        uint64_t stored = stats.puts + stats.touches + stats.leases;
        if (stored == stats.entries + n_removed(&stats) && stats.entries - n_present <= s->leased_most)
            break;
        api_pause(); /* the maintenance thread is in a sweep, or between a removal and its count */
        n_present = count_contents(s, none_evicted);
        stats = api_stats(s->cache);
    }
    CHECK(stats.entries >= n_present && stats.entries - n_present <= s->leased_most);
    CHECK_EQ(stats.puts + stats.touches + stats.leases, stats.entries + n_removed(&stats));
    CHECK_EQ(stats.removed[GYRE_DELETED], s->n_deleted);
    CHECK_EQ(stats.removed[GYRE_EXPIRED] + stats.removed[GYRE_REJECTED], 0);
}

static void
check_holdings(struct holdings before)
{
    struct holdings now = faults_holdings();
    CHECK_EQ(now.blocks, before.blocks);
    CHECK_EQ(now.mapped_bytes, before.mapped_bytes);
    CHECK_EQ(now.keys, before.keys);
    CHECK_EQ(now.files, before.files);
    CHECK_EQ(now.threads, before.threads);
}

/* ---- a run ------------------------------------------------------------------------------------- */

static void
set_scene(struct run *r)
{
    r->scene = (struct scene){.options = api_options(r->how->capacity_bytes, r->how->flags)};
    if (r->how->own_allocator)
        faults_own_allocator(&r->scene.options);
    if (r->what->needs & OPENS)
        return;
    struct scene *s = &r->scene;
    bool full = (r->what->needs & (EVICTS | LISTS)) != 0;
    s->cache = api_open_with(&s->options);
    for (unsigned k = 0; k < (full ? SCENE_KEYS : SCENE_FEW_KEYS); k++)
        CHECK_OK(scene_put(s, k));
    api_settle(s->cache);
    for (unsigned k = 0; k < SCENE_KEYS; k++)
        if (gyre_read(s->cache, scene_key(k), SCENE_KEY_BYTES, NULL, 0, NULL) == GYRE_MISS)
            s->tag[k] = 0;
    if (r->what->prepare)
        r->what->prepare(s);
}

/* Then no entry may be missing: none was evicted for room, not by the maintenance thread, either. */
static bool
all_stay(const struct run *r)
{
    if (r->what->needs & LISTS)
        return (r->how->flags & GYRE_NO_THREAD) != 0;
    if (r->what->needs & EVICTS)
        return r->answer == GYRE_ENOMEM && r->what->prepare == NULL && r->how->flags & GYRE_NO_THREAD;
    return true;
}

static void
warm_up(struct run *r)
{
    gyre_options options = r->scene.options;
    gyre *cache = r->scene.cache ? r->scene.cache : api_open_with(&options);
    CHECK_EQ(gyre_delete(cache, "no such key", 11), GYRE_MISS);
    if (r->scene.cache == NULL)
        api_close(cache);
}

/* The library's own thread gets some time to meet its failure; as much as it takes where it is to fail
 * to sleep, because it will. */
static void
let_others_run(const struct run *r)
{
    bool certain =
        r->plan.fault == FAULT_WAIT && r->plan.at == 1 && r->what->needs & (OPENS | STORES);
    for (unsigned i = 0; i < (certain ? API_PAUSES_MOST : 3) && faults_struck() == 0; i++)
        api_pause();
}

/* While the maintenance thread, off its processor, has the arenas in hand, there may be no room for a while. */
static int
put_in_time(struct scene *s, const char *key, const char *value)
{
    int rc = put_text(s->cache, key, value);
    bool alone = (s->options.flags & GYRE_NO_THREAD) != 0;
    for (unsigned i = 0; i < API_PAUSES_MOST && rc == GYRE_EBUSY && !alone; i++) {
        api_pause();
        rc = put_text(s->cache, key, value);
    }
    return rc;
}

/* Works afterwards, for the very thread that saw the failure. */
static void
use_afterwards(struct scene *s)
{
    gyre *c = s->cache;
    enum { VIEWS = 60 }; /* more than one record of a thread holds */
    gyre_view views[VIEWS];
    gyre_draft draft;
    CHECK_OK(put_in_time(s, "afterwards", "value"));
    for (unsigned i = 0; i < VIEWS; i++)
        CHECK_OK(gyre_get(c, "afterwards", 10, &views[i]));
    for (unsigned i = 0; i < VIEWS; i++)
        gyre_release(&views[i]);
    CHECK_OK(gyre_reserve(c, "afterwards", 10, 1, NULL, &draft));
    *(char *)draft.data = 'x';
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "afterwards", "x"));
    CHECK_OK(gyre_delete(c, "afterwards", 10));
    s->n_deleted++;
}

static void *
call_while_failing(void *arg)
{
    struct run *r = arg;
    if (!r->first_call)
        warm_up(r);
    faults_arm(&r->plan);
    r->answer = r->what->call(&r->scene);
    if (r->plan.scope == OF_OTHERS)
        let_others_run(r);
    faults_disarm();
    r->struck = faults_struck();
    for (unsigned f = 0; f < FAULTS; f++)
        r->calls[f] = faults_calls((enum fault)f);
    if (r->scene.cache != NULL)
        use_afterwards(&r->scene);
    return NULL;
}

/* For the message of a check that fails. */
static void
describe(const struct run *r)
{
    static char text[256];
    int n = snprintf(text, sizeof text, "%s%s, flags %u: ", r->what->function,
                     r->first_call ? ", the thread's first call" : "", r->how->flags);
    if (r->plan.fault == FAULTS)
        snprintf(text + n, sizeof text - (size_t)n, "nothing fails");
    else
        snprintf(text + n, sizeof text - (size_t)n, "%s %u fails%s%s", fault_names[r->plan.fault],
                 r->plan.at, r->plan.for_ever ? " and all after it" : "",
                 r->plan.scope == OF_OTHERS ? ", in the library's own thread" : "");
    test_at = text;
}

static void
run_once(struct run *r)
{
    static bool had_key; /* is made by the first open, and kept */
    describe(r);
    struct holdings before = faults_holdings();
    set_scene(r);
    faults_run_thread(call_while_failing, r);
    CHECK_EQ(faults_unknown_call(), 0);
    check_answer(r);
    struct scene *s = &r->scene;
    if (s->cache != NULL) {
        gyre_release(&s->view);
        gyre_abort(&s->draft);
        api_settle(s->cache);
        check_contents(s, all_stay(r));
        for (unsigned k = 0; k < SCENE_KEYS; k++)
            CHECK_OK(scene_put(s, k));
        api_settle(s->cache);
        check_contents(s, false);
        api_close(s->cache);
    }
    if (!had_key && faults_holdings().keys == 1)
        had_key = true, before.keys = 1;
    check_holdings(before);
}

/* ---- all runs of a function -------------------------------------------------------------------- */

/* The first call of that kind fails, the second ... as many as a run makes. */
static unsigned
fail_each(struct run *r, enum fault fault, bool for_ever, unsigned most)
{
    unsigned at = 0, n_struck = 0;
    do {
        r->plan.fault = fault;
        r->plan.for_ever = for_ever;
        r->plan.at = ++at;
        run_once(r);
        n_struck += r->struck > 0;
    } while (r->calls[fault] >= at && at < most);
    return n_struck;
}

/* Adds up in n_struck in how many runs what has failed, under that function in that configuration. */
static void
fail_all(struct run *r, unsigned n_struck[FAULTS])
{
    bool others = r->plan.scope == OF_OTHERS;
    unsigned at_most = others ? 3 : 100000; /* a thread that runs by itself makes calls without end */
    bool makes[FAULTS];
    r->plan.fault = FAULTS;
    run_once(r);
    for (unsigned f = 0; f < FAULTS; f++)
        makes[f] = r->calls[f] > 0 || (others && f == FAULT_WAIT);
    for (unsigned f = 0; f < FAULTS; f++)
        for (unsigned for_ever = 0; makes[f] && for_ever < 2; for_ever++)
            n_struck[f] += fail_each(r, (enum fault)f, for_ever, at_most);
}

/* Under a function that needs this, that must have failed: else the runs were none. */
static bool
must_have_failed(unsigned needs, enum fault fault)
{
    switch (fault) {
    case FAULT_KEY: /* once in a process: below */
    case FAULT_ATFORK:
        return false;
    case FAULT_RANDOM_SHORT:
    case FAULT_RANDOM_INTERRUPTED:
    case FAULT_BARRIER_REGISTER:
    case FAULT_CPUS:
    case FAULT_MADVISE:
    case FAULT_WAIT:
        return needs & OPENS;
    case FAULT_MUNMAP:
        return needs & (OPENS | CLOSES);
    case FAULT_WAKE:
        return needs & CLOSES;
    case FAULT_CPU:
        return needs & STORES;
    case FAULT_SPECIFIC: /* under an open the maintenance thread calls it, in its own time */
        return needs & REGISTERS;
    default:
        return documented(needs, fault) != GYRE_OK;
    }
}

static void
say(const char *function, const unsigned n_struck[FAULTS])
{
    unsigned n = 0;
    for (unsigned f = 0; f < FAULTS; f++)
        n += n_struck[f];
    printf("injected under %s: %u:", function, n);
    for (unsigned f = 0; f < FAULTS; f++)
        if (n_struck[f] > 0)
            printf(" [%s %u]", fault_names[f], n_struck[f]);
    printf("\n");
}

static const struct fault_case *
case_of(const char *function)
{
    for (unsigned i = 0; i < n_fault_cases; i++)
        if (strcmp(fault_cases[i].function, function) == 0)
            return &fault_cases[i];
    return NULL;
}

static void
fail_under(const char *function)
{
    unsigned n_struck[FAULTS] = {0};
    const struct fault_case *what = case_of(function);
    CHECK_MSG(what != NULL, "%s has no case", function);
    for (unsigned i = 0; i < CONFIGURATIONS; i++) {
        struct run r = {.what = what, .how = &configurations[i], .first_call = true};
        fail_all(&r, n_struck);
        r.first_call = false;
        fail_all(&r, n_struck);
        r.plan.scope = OF_OTHERS;
        if (!(r.how->flags & GYRE_NO_THREAD))
            fail_all(&r, n_struck);
    }
    say(function, n_struck);
    test_at = NULL;
    for (unsigned f = 0; f < FAULTS; f++)
        CHECK_MSG(n_struck[f] > 0 || !must_have_failed(what->needs, (enum fault)f),
                  "%s never failed under %s", fault_names[f], function);
}

#define UNDER(function)                                                                            \
    TEST(api_faults, function) { fail_under("gyre_" #function); }
UNDER(strerror)
UNDER(version)
UNDER(open)
UNDER(close)
UNDER(unlink)
UNDER(get)
UNDER(release)
UNDER(read)
UNDER(get_many)
UNDER(put)
UNDER(reserve)
UNDER(commit)
UNDER(abort)
UNDER(delete)
UNDER(touch)
UNDER(clear)
UNDER(scan)
UNDER(maintain)
UNDER(stats_read)
UNDER(expel)
UNDER(sync)

/* ---- once in a process ------------------------------------------------------------------------- */

/* The first open makes a key and names handlers of fork; one that fails leaves both to the next. */
static void
fail_first_open(enum fault fault, bool for_ever)
{
    unsigned n_struck[FAULTS] = {0};
    const struct fault_case *open = case_of("gyre_open");
    struct run r = {.what = open, .how = &configurations[0], .first_call = true,
                    .plan = {.fault = fault, .at = 1, .for_ever = for_ever}};
    run_once(&r);
    CHECK_EQ(r.answer, GYRE_ENOMEM);
    CHECK_EQ(faults_holdings().keys, 0);
    n_struck[fault] = r.struck > 0;
    r.plan.fault = FAULTS;
    run_once(&r);
    CHECK_EQ(r.answer, GYRE_OK);
    say("gyre_open", n_struck);
}

TEST(api_faults, the_threads_key_once) { fail_first_open(FAULT_KEY, false); }
TEST(api_faults, the_threads_key_for_ever) { fail_first_open(FAULT_KEY, true); }
TEST(api_faults, the_handlers_of_fork_once) { fail_first_open(FAULT_ATFORK, false); }
TEST(api_faults, the_handlers_of_fork_for_ever) { fail_first_open(FAULT_ATFORK, true); }

/* ---- the lists --------------------------------------------------------------------------------- */

TEST(api_faults, every_public_function_has_a_case)
{
    unsigned n = sizeof public_functions / sizeof *public_functions;
    for (unsigned i = 0; i < n; i++)
        CHECK_MSG(case_of(public_functions[i]) != NULL, "%s has no case", public_functions[i]);
    CHECK_EQ(n, n_fault_cases);
}

TEST(api_faults, every_import_can_be_made_to_fail_or_has_a_reason)
{
    unsigned n = sizeof imported_symbols / sizeof *imported_symbols, n_failing = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct fault_import *import = fault_import_find(imported_symbols[i]);
        CHECK_MSG(import != NULL, "%s has no case and no reason", imported_symbols[i]);
        n_failing += import->reason == NULL;
    }
    CHECK_EQ(n_failing, fault_imports_failing());
}

TEST(api_faults, a_map_larger_than_the_address_space)
{
    for (unsigned i = 0; i < 2; i++) {
        struct fault_plan plan = {.fault = FAULT_MMAP, .at = 1};
        gyre *c = (gyre *)(uintptr_t)1;
        gyre_options options = api_options((uint64_t)4 << 40, i ? GYRE_NO_THREAD : 0);
        faults_arm(&plan);
        int rc = gyre_open(&c, &options);
        faults_disarm();
        CHECK_EQ(rc, GYRE_ENOMEM);
        CHECK(c == NULL);
    }
}
