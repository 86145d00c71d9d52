/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Every system call that shared memory and files take fails, the first of its kind, the second, and so on, once or from then on.
 * Each time the answer is a documented one, nothing is left of the system's and nothing in the folder, and what was
 * there is as it was. */

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../stress/lib/creation.h"
#include "cache.h"
#include "faults/faults.h"
#include "region.h"

static struct region_name name;
static int memfd = -1;
static bool own_folder; /* nobody else's names are in it */
static char folder[] = "/tmp/gyre-test-XXXXXX", path[sizeof folder + 8]; /* of files */

/* What one call is tried on. */
struct scenario {
    const char *what;
    uint32_t flags;
    bool exists; /* the cache, before */
    int (*call)(gyre_options *o);
    uint64_t errors; /* bits of -code: what it may answer when something fails */
    bool file, left_open; /* by another life of the machine */
    uint32_t makes;       /* flags of who has made it */
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

/* All of it, to the end, while something fails. */
enum { SYNCS = 5 }; /* that it is open, what was put, all, the rest when others have to wait, and that it is clean */
static bool made; /* whatever failed afterwards */

static int
use_and_close(gyre_options *o)
{
    gyre *cache;
    int result = gyre_open(&cache, o);
    made = result == GYRE_OK;
    if (result == GYRE_OK)
        result = put_text(cache, "other", "value");
    if (result == GYRE_OK)
        result = gyre_sync(cache);
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
    else if (s->file)
        o.file_path = path;
    else
        o.shm_name = name.text;
    return o;
}

static uint64_t
says_clean(void)
{
    uint64_t clean = GY_FILE_DIRTY;
    int file = open(path, O_RDONLY);
    CHECK(file < 0 || pread(file, &clean, sizeof clean, offsetof(struct gy_super, life.clean)) == sizeof clean);
    close(file);
    return clean == GY_FILE_CLEAN;
}

static void
leave_open(void)
{
    const uint64_t word[2] = {GY_FILE_DIRTY, 1 /* of the boot's number */};
    int file = open(path, O_RDWR);
    CHECK(pwrite(file, word, sizeof word, offsetof(struct gy_super, life.clean)) == sizeof word);
    close(file);
}

/* Names in the folder other than the file's, which go. */
static unsigned
names_left(void)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] == '.' && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            n += unlinkat(dirfd(d), e->d_name, 0) == 0;
    closedir(d);
    return n;
}

static void
make_it(const struct scenario *s)
{
    if (s->flags & GYRE_SHM_FD)
        CHECK((memfd = memfd_create("test", MFD_CLOEXEC)) >= 0);
    if (!s->exists)
        return;
    struct scenario makes = {.flags = (s->flags & GYRE_SHM_FD) | s->makes | GYRE_CREATE, .file = s->file};
    gyre_options o = options_of(&makes);
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
    if (s->left_open)
        leave_open();
}

/* What was there is there; what was not is there only if the answer says so. A maker that could not take the name of
 * its own back leaves it to the next. */
static void
check_afterwards(const struct scenario *s, int answer)
{
    struct scenario finds = {.flags = s->flags & GYRE_SHM_FD, .exists = true, .file = s->file};
    gyre_options o = options_of(&finds);
    gyre *cache;
    bool removed = s->call == unlink_it && answer == GYRE_OK, there = answer == GYRE_OK || made;
    int result = gyre_open(&cache, &o);
    CHECK_EQ(result, (s->exists && !removed) || (!s->exists && there) ? GYRE_OK : GYRE_ENOENT);
    if (s->exists && result == GYRE_OK && s->call != grow)
        CHECK_EQ(has_text(cache, "key", "value"), !(s->left_open && s->makes & GYRE_NO_CHECKSUMS));
    if (result == GYRE_OK && answer == GYRE_OK && s->call != grow && !(s->flags & GYRE_READONLY))
        CHECK(s->call == unlink_it || has_text(cache, "other", "value"));
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

/* A file that may have pages that are not on the disk does not say that it is clean. */
static void
check_clean(const struct run *r)
{
    unsigned last = r->s->call == use_and_close ? SYNCS : r->s->call == grow ? SYNCS - 1 : 0;
    if (r->struck > 0 && r->plan.fault == FAULT_SYNC)
        CHECK_EQ(says_clean(), r->plan.at == last);
}

static void
run_once(struct run *r)
{
    static char text[200];
    snprintf(text, sizeof text, "%s: %s %u%s", r->s->what, r->plan.fault < FAULTS ? fault_names[r->plan.fault] : "nothing",
             r->plan.at, r->plan.for_ever ? " and all after it" : "");
    test_at = text;
    made = false;
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
    if (r->s->file && !(r->s->flags & GYRE_COMPACT)) /* or it is the old one */
        check_clean(r);
    check_afterwards(r->s, answer);
    CHECK(!r->s->file || names_left() == 0 || r->plan.fault == FAULT_REMOVE);
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
        for (unsigned for_ever = f == FAULT_TELL; makes[f] && for_ever < 2; for_ever++) {
            r.plan = (struct fault_plan){.fault = (enum fault)f, .for_ever = for_ever};
            do {
                r.plan.at++;
                run_once(&r);
                n_struck += r.struck > 0;
            } while (r.calls[f] >= r.plan.at && r.plan.at < 40 && f != FAULT_TELL); /* a system has it, or not */
        }
    printf("%s: %u injected\n", s->what, n_struck);
    CHECK(n_struck > 3);
    test_at = NULL;
}

TEST(region_faults, of_caches_with_a_name)
{
    static const struct scenario scenarios[] = {
        {"create", GYRE_CREATE, false, open_and_use, .errors = 0},
        {"open", 0, true, open_and_use, .errors = 0},
        {"open or create", GYRE_CREATE, true, open_and_use, .errors = 0},
        {"open to read", GYRE_READONLY, true, open_and_use, .errors = 0},
        {"grow", GYRE_CREATE, true, grow, .errors = 0},
        {"unlink", 0, true, unlink_it, .errors = 0},
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
    static const struct scenario create = {"create, under another name first", GYRE_CREATE, false, open_and_use, .errors = MAKING};
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
        {"create in a memfd", GYRE_SHM_FD | GYRE_CREATE, false, open_and_use, .errors = 0},
        {"open a memfd", GYRE_SHM_FD, true, open_and_use, .errors = 0},
    };
    for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        struct scenario s = scenarios[i];
        s.errors = (s.exists ? OPENING : MAKING) | ERROR(GYRE_EINVAL);
        fail_each(&s);
    }
}

static void
fail_each_of_files(const struct scenario *scenarios, unsigned n)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder);
    for (unsigned i = 0; i < n; i++) {
        struct scenario s = scenarios[i];
        s.errors |= s.exists ? OPENING | ERROR(GYRE_ENOSPC) | ERROR(GYRE_EBUSY) : MAKING;
        s.file = true;
        fail_each(&s);
    }
    CHECK_EQ(rmdir(folder), 0);
}

TEST(region_faults, of_files)
{
    static const struct scenario scenarios[] = {
        {"make a file, use it, close it", GYRE_CREATE, false, use_and_close, .errors = 0},
        {"open a file, use it, close it", 0, true, use_and_close, .errors = 0},
        {"open or make a file", GYRE_CREATE, true, open_and_use, .errors = 0},
        {"open a file to read", GYRE_READONLY, true, open_and_use, .errors = 0},
        {"let a file grow", GYRE_CREATE, true, grow, .errors = 0},
        {"unlink a file", 0, true, unlink_it, .errors = 0},
        {"empty a file, use it, close it", 0, true, use_and_close, .left_open = true, .makes = GYRE_NO_CHECKSUMS},
        {"empty a file", 0, true, open_and_use, .left_open = true, .makes = GYRE_NO_CHECKSUMS},
        {"recover a file, use it, close it", 0, true, use_and_close, .left_open = true},
        {"recover a file", 0, true, open_and_use, .left_open = true},
        {"make a file anew", GYRE_COMPACT, true, open_and_use, .errors = 0},
        {"recover a file and make it anew", GYRE_COMPACT, true, open_and_use, .left_open = true},
    };
    fail_each_of_files(scenarios, sizeof scenarios / sizeof *scenarios);
}

TEST(region_faults, of_files_built_under_another_name)
{
    static const struct scenario scenarios[] = {
        {"make a file, under another name first", GYRE_CREATE, false, use_and_close, .errors = 0},
        {"make a file anew, under another name first", GYRE_COMPACT, true, open_and_use, .errors = 0},
    };
    faults_no_unnamed = true;
    fail_each_of_files(scenarios, sizeof scenarios / sizeof *scenarios);
    faults_no_unnamed = false;
}

/* Who cannot tell whether the machine has stopped since, or whether others use it, does not recover what they use. */
TEST(region_faults, of_files_that_others_have_open)
{
    struct scenario s = {.what = "open a file that is open", .exists = true, .file = true};
    struct fault_plan plan = {.fault = FAULT_OPEN};
    gyre_options o = options_of(&s);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder);
    make_it(&s);
    gyre *first = api_open_with(&o), *second = NULL;
    do {
        plan.at++;
        faults_arm(&plan);
        int result = gyre_open(&second, &o);
        faults_disarm();
        CHECK(result == GYRE_OK || result == GYRE_ENOMEM || result == GYRE_EIO || result == GYRE_EPERM);
        CHECK(result != GYRE_OK || api_stats(second).start == GYRE_START_WARM);
        CHECK(has_text(first, "key", "value"));
        gyre_close(second);
    } while (faults_calls(FAULT_OPEN) >= plan.at);
    CHECK(plan.at > 4);
    leave_open(); /* as if they were of another machine */
    plan = (struct fault_plan){.fault = FAULT_CONTROL};
    unsigned untold = 0; /* whether others have it open */
    do {
        plan.at++;
        faults_arm(&plan);
        int result = gyre_open(&second, &o);
        faults_disarm();
        CHECK(result == GYRE_EBUSY || result == GYRE_EPERM);
        untold += result == GYRE_EPERM;
        CHECK(has_text(first, "key", "value"));
    } while (faults_calls(FAULT_CONTROL) >= plan.at);
    CHECK(plan.at > 1 && untold > 0);
    api_close(first);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

/* Where nothing tells which file one is, none is made, and none is opened. */
TEST(region_faults, of_files_that_cannot_be_told_apart)
{
    struct scenario s = {.what = "", .exists = true, .file = true}, makes = {.flags = GYRE_CREATE, .file = true};
    struct fault_plan plan = {.fault = FAULT_TELL, .at = 1, .for_ever = true};
    gyre_options to_make = options_of(&makes), o = options_of(&s);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/cache", folder);
    gyre *cache;
    faults_arm(&plan);
    CHECK_EQ(gyre_open(&cache, &to_make), GYRE_EIO);
    faults_disarm();
    CHECK(access(path, F_OK) != 0);
    make_it(&s);
    faults_arm(&plan);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EIO);
    o.flags |= GYRE_READONLY;
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EIO);
    faults_disarm();
    CHECK(says_clean());
    api_close(api_open_with(&o));
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

TEST(region_faults, of_files_by_where_the_process_is)
{
    char here[sizeof folder];
    gyre_options o = api_options(256 * KIB, GYRE_CREATE | GYRE_NO_THREAD);
    struct fault_plan plan = {.fault = FAULT_LOOK, .at = 1};
    o.file_path = "cache";
    CHECK(chdir(mkdtemp(folder)) == 0 && getcwd(here, sizeof here) != NULL);
    faults_arm(&plan);
    gyre *cache;
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EINVAL);
    faults_disarm();
    api_close(api_open_with(&o));
    faults_arm(&plan);
    CHECK_EQ(gyre_unlink(&o), GYRE_EINVAL);
    faults_disarm();
    CHECK_OK(gyre_unlink(&o));
    CHECK(chdir("/") == 0 && rmdir(here) == 0);
}
