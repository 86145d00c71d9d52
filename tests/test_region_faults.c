/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Every system call that shared memory takes fails, the first of its kind, the second, and so on, once or from then on.
 * Each time the answer is a documented one, nothing is left of the system's and nothing in the folder, and what was
 * there is as it was. */

#include <sys/mman.h>
#include <unistd.h>

#include "../stress/lib/creation.h"
#include "faults/faults.h"
#include "region.h"

static struct region_name name;
static int memfd = -1;
static bool own_folder; /* nobody else's names are in it */

/* What one call is tried on. */
struct scenario {
    const char *what;
    uint32_t flags;
    bool exists; /* the cache, before */
    int (*call)(gyre_options *o);
    uint64_t errors; /* bits of -code: what it may answer when something fails */
};

#define ERROR(code) ((uint64_t)1 << -(code))

static int
open_and_use(gyre_options *o)
{
    gyre *cache;
    int result = gyre_open(&cache, o);
    CHECK_EQ(cache != NULL, result == GYRE_OK);
    if (result != GYRE_OK)
        return result;
    faults_disarm();
    if (o->flags & GYRE_READONLY)
        CHECK_EQ(gyre_read(cache, "key", 3, NULL, 0, NULL), GYRE_E2BIG);
    else
        CHECK_OK(put_text(cache, "other", "value"));
    gyre_close(cache);
    return result;
}

/* An index that has to grow, and arenas that are withdrawn for it: what fails here is noticed by nobody. */
static int
grow(gyre_options *o)
{
    gyre *cache;
    int result = gyre_open(&cache, o);
    for (unsigned i = 0; cache != NULL && i < 6000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 8, i));
    unsigned n_there = 0; /* where windows are full, some have had to go */
    for (unsigned i = 5900; cache != NULL && i < 6000; i++)
        n_there += has_bytes(cache, key_of(i).text, 8, i);
    CHECK(cache == NULL || n_there > 5);
    CHECK(cache == NULL || api_stats(cache).unlinked <= 1); /* when it cannot look, it says that it is not there */
    gyre_close(cache);
    return result;
}

static int
unlink_it(gyre_options *o)
{
    return gyre_unlink(o);
}

#define OPENING (ERROR(GYRE_ENOMEM) | ERROR(GYRE_EIO) | ERROR(GYRE_EPERM))
#define MAKING (OPENING | ERROR(GYRE_ENOSPC) | ERROR(GYRE_ENOENT) | ERROR(GYRE_EBUSY))

static gyre_options
options_of(const struct scenario *s)
{
    gyre_options o = api_options(s->exists ? 0 : 256 * KIB, s->flags | GYRE_NO_THREAD);
    if (s->flags & GYRE_CREATE)
        o.capacity_bytes = 256 * KIB;
    if (s->flags & GYRE_SHM_FD)
        o.shm_fd = memfd;
    else
        o.shm_name = name.text;
    return o;
}

static void
make_it(const struct scenario *s)
{
    if (s->flags & GYRE_SHM_FD)
        CHECK((memfd = memfd_create("test", MFD_CLOEXEC)) >= 0);
    if (!s->exists)
        return;
    struct scenario makes = {.flags = (s->flags & GYRE_SHM_FD) | GYRE_CREATE};
    gyre_options o = options_of(&makes);
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
}

/* What was there is there; what was not is there only if the answer says so. A maker that could not take the name of
 * its own back leaves it to the next. */
static void
check_afterwards(const struct scenario *s, int answer)
{
    struct scenario finds = {.flags = s->flags & GYRE_SHM_FD, .exists = true};
    gyre_options o = options_of(&finds);
    gyre *cache;
    bool removed = s->call == unlink_it && answer == GYRE_OK;
    int result = gyre_open(&cache, &o);
    CHECK_EQ(result, (s->exists && !removed) || (!s->exists && answer == GYRE_OK) ? GYRE_OK : GYRE_ENOENT);
    if (s->exists && result == GYRE_OK && s->call != grow)
        CHECK(has_text(cache, "key", "value"));
    gyre_close(cache);
    if (s->flags & GYRE_SHM_FD)
        close(memfd), memfd = -1;
    else if (result == GYRE_OK)
        CHECK_OK(gyre_unlink(&o));
}

struct run {
    const struct scenario *s;
    struct fault_plan plan;
    unsigned struck, calls[FAULTS];
};

static void
run_once(struct run *r)
{
    static char text[200];
    snprintf(text, sizeof text, "%s: %s %u%s", r->s->what, r->plan.fault < FAULTS ? fault_names[r->plan.fault] : "nothing",
             r->plan.at, r->plan.for_ever ? " and all after it" : "");
    test_at = text;
    struct holdings before = faults_holdings();
    make_it(r->s);
    gyre_options o = options_of(r->s);
    faults_arm(&r->plan);
    int answer = r->s->call(&o);
    faults_disarm();
    r->struck = faults_struck();
    for (unsigned f = 0; f < FAULTS; f++)
        r->calls[f] = faults_calls((enum fault)f);
    CHECK_MSG(answer == GYRE_OK || (r->struck > 0 && answer < 0 && r->s->errors & ERROR(answer)), "%d", answer);
    bool again = r->plan.fault == FAULT_READ_INTERRUPTED || r->plan.fault == FAULT_RESERVE_INTERRUPTED;
    CHECK_MSG(answer == GYRE_OK || !again, "%d, and should have been tried again", answer);
    check_afterwards(r->s, answer);
    CHECK(!own_folder || r->plan.fault == FAULT_REMOVE || creation_objects() == 0);
    struct holdings after = faults_holdings();
    CHECK_EQ(after.files, before.files);
    CHECK_EQ(after.mapped_bytes, before.mapped_bytes);
    CHECK_EQ(after.blocks, before.blocks);
}

static void
fail_each(const struct scenario *s)
{
    struct run r = {.s = s, .plan = {.fault = FAULTS}};
    bool makes[FAULTS];
    unsigned n_struck = 0;
    run_once(&r);
    for (unsigned f = 0; f < FAULTS; f++) /* what registers threads fails in test_api_faults */
        makes[f] = r.calls[f] > 0 && f != FAULT_MUNMAP && f != FAULT_KEY && f != FAULT_ATFORK && f != FAULT_SPECIFIC;
    makes[FAULT_BARRIER] &= s->call != grow; /* without barriers nothing is freed, and little is left */
    for (unsigned f = 0; f < FAULTS; f++)
        for (unsigned for_ever = 0; makes[f] && for_ever < 2; for_ever++) {
            r.plan = (struct fault_plan){.fault = (enum fault)f, .for_ever = for_ever};
            do {
                r.plan.at++;
                run_once(&r);
                n_struck += r.struck > 0;
            } while (r.calls[f] >= r.plan.at && r.plan.at < 40);
        }
    printf("%s: %u injected\n", s->what, n_struck);
    CHECK(n_struck > 3);
    test_at = NULL;
}

TEST(region_faults, of_caches_with_a_name)
{
    static const struct scenario scenarios[] = {
        {"create", GYRE_CREATE, false, open_and_use, 0},
        {"open", 0, true, open_and_use, 0},
        {"open or create", GYRE_CREATE, true, open_and_use, 0},
        {"open to read", GYRE_READONLY, true, open_and_use, 0},
        {"grow", GYRE_CREATE, true, grow, 0},
        {"unlink", 0, true, unlink_it, 0},
    };
    name = region_name(0);
    for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        struct scenario s = scenarios[i];
        s.errors = s.exists ? OPENING : MAKING;
        fail_each(&s);
    }
}

/* Where no file is without a name: what could not be finished is taken back, but for a name that cannot be removed. */
TEST(region_faults, of_caches_built_under_another_name)
{
    static const struct scenario create = {"create, under another name first", GYRE_CREATE, false, open_and_use, MAKING};
    own_folder = creation_own_folder(0);
    if (!own_folder)
        printf("no mount namespace can be had here: names are not counted\n");
    faults_no_unnamed = true;
    name = region_name(0);
    fail_each(&create);
}

TEST(region_faults, of_caches_in_memfds)
{
    static const struct scenario scenarios[] = {
        {"create in a memfd", GYRE_SHM_FD | GYRE_CREATE, false, open_and_use, 0},
        {"open a memfd", GYRE_SHM_FD, true, open_and_use, 0},
    };
    for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        struct scenario s = scenarios[i];
        s.errors = (s.exists ? OPENING : MAKING) | ERROR(GYRE_EINVAL);
        fail_each(&s);
    }
}
