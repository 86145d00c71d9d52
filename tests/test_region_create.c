/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Making a cache in shared memory: without room, in rivalry, by those who die over it. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../stress/lib/creation.h"
#include "region.h"

/* ---- room ------------------------------------------------------------------------------------------------------ */

/* What was made with all the room there is grows and sweeps: nothing of that may fault. */
static void
use_all(gyre *cache)
{
    for (unsigned i = 0; i < 20000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, i % 200, i));
    CHECK(api_stats(cache).removed[GYRE_CAPACITY] > 0);
}

static gyre_options
small(const struct region_name *name)
{
    gyre_options o = region_options(name, 128 * KIB, GYRE_CREATE);
    o.expected_entry_bytes = 2000; /* its index will have to grow */
    return o;
}

/* So much as a region takes when it is made, in pages. */
static unsigned
pages_needed(void)
{
    struct region_name name = region_name(1);
    gyre_options o = small(&name);
    struct stat s;
    gyre *cache = api_open_with(&o);
    CHECK_EQ(stat(name.path, &s), 0);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
    return (unsigned)(s.st_blocks / 8);
}

/* In a folder of every size it is made whole, or not at all; and what was made never runs out of memory. */
TEST(region_create, every_number_of_pages)
{
    unsigned needed = pages_needed(), n_made = 0;
    struct statfs folder;
    CHECK(needed > 32);
    for (unsigned pages = 1; pages < needed + 30; pages++) {
        if (!creation_own_folder(pages)) {
            printf("skipped: no mount namespace can be had here\n");
            return;
        }
        gyre *cache;
        struct region_name name = region_name(0);
        gyre_options o = small(&name);
        int result = gyre_open(&cache, &o);
        CHECK_MSG(result == (pages > needed ? GYRE_OK : result == GYRE_OK && pages == needed ? GYRE_OK : GYRE_ENOSPC),
                  "%u pages of %u: %d", pages, needed, result);
        if (result == GYRE_OK) {
            n_made++;
            use_all(cache);
            api_close(cache);
            CHECK_OK(gyre_unlink(&o));
        }
        CHECK_EQ(creation_objects(), 0);
        CHECK(statfs("/dev/shm", &folder) == 0 && folder.f_bfree == folder.f_blocks);
    }
    CHECK(n_made >= 29);
}

/* Whatever the cache gives back, somebody else takes. */
TEST(region_create, the_room_of_a_growing_index_is_what_others_take)
{
    if (!creation_own_folder(pages_needed() + 1)) {
        printf("skipped: no mount namespace can be had here\n");
        return;
    }
    static const char page[4096];
    struct region_name name = region_name(0);
    gyre_options o = small(&name);
    gyre *cache = api_open_with(&o);
    int others = open("/dev/shm/others", O_CREAT | O_WRONLY, 0600);
    CHECK(others >= 0);
    for (unsigned i = 0; i < 20000; i++) {
        while (write(others, page, sizeof page) == (ssize_t)sizeof page)
            ;
        CHECK_OK(put_bytes(cache, key_of(i).text, 10, i));
    }
    uint64_t n_grown = api_stats(cache).growths; /* within a page that it had */
    CHECK(has_bytes(cache, key_of(19999).text, 10, 19999));
    close(others);
    CHECK_EQ(unlink("/dev/shm/others"), 0);
    for (unsigned i = 0; i < 20000; i++)
        CHECK_OK(put_bytes(cache, key_of(i).text, 10, i));
    CHECK(api_stats(cache).growths > n_grown); /* now there is room */
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

static int
make_with_a_limit(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 4 * MIB, GYRE_CREATE), m = api_options(4 * MIB, GYRE_CREATE | GYRE_SHM_FD);
    EXPECT(1, setrlimit(RLIMIT_FSIZE, &(struct rlimit){MIB, MIB}) == 0);
    EXPECT(2, gyre_open(&cache, &o) == GYRE_ENOSPC && cache == NULL);
    m.shm_fd = memfd_create("test", MFD_CLOEXEC);
    EXPECT(3, gyre_open(&cache, &m) == GYRE_ENOSPC && cache == NULL);
    o.flags = GYRE_NO_THREAD;
    EXPECT(4, gyre_open(&cache, &o) == GYRE_ENOENT);
    return 0;
}

/* A process that may not make files of that size gets an answer, and no signal. */
TEST(region_create, a_limit_of_the_size_of_files)
{
    struct region_name name = region_name(0);
    region_process(make_with_a_limit, &name);
}

static atomic_uint n_signals;

static void
count_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(&n_signals, 1);
}

/* A signal takes back what a call has reserved so far: one every 100 microseconds, and no long call comes to its end. */
TEST(region_create, a_storm_of_signals)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, 48 * MIB, GYRE_CREATE);
    struct sigaction action = {.sa_handler = count_signal}; /* calls are not begun again */
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    gyre *cache, *other;
    int made = gyre_open(&cache, &o), found = gyre_open(&other, &o);
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    CHECK(made == GYRE_OK && found == GYRE_OK && atomic_load(&n_signals) > 0);
    struct stat s;
    CHECK(stat(name.path, &s) == 0 && s.st_blocks * 512 >= 48 * MIB);
    gyre_close(other);
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
}

/* ---- rivals and the dead --------------------------------------------------------------------------------------- */

static void
race(bool kills, bool without_proc)
{
    struct rng rng = {api_seed("race")};
    struct creation c = {.rivals = 6, .kills = kills, .without_proc = without_proc};
    snprintf(c.name, sizeof c.name, "%s", region_name(0).text);
    for (unsigned round = 0; round < 25; round++) {
        const char *wrong = creation_race(&c, &rng);
        CHECK_MSG(wrong == NULL, "round %u: %s", round, wrong);
    }
    CHECK(c.found > 0 && (c.killed > 0) == kills);
}

TEST(region_create, one_of_many_makes_it)
{
    race(false, false);
    race(true, false);
}

/* The next one that is made that way removes what the dead have left. */
TEST(region_create, one_of_many_makes_it_under_another_name_first)
{
    if (!creation_own_folder(0)) {
        printf("skipped: no mount namespace can be had here\n");
        return;
    }
    race(true, true);
    race(false, true);
    CHECK_EQ(creation_objects(), 0);
}

/* Somebody holds the lock that makers take, and will not let go: it is a courtesy only. */
TEST(region_create, a_lock_that_is_never_released_is_waited_for_and_then_not)
{
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    if (!creation_own_folder(0)) {
        printf("skipped: no mount namespace can be had here\n");
        return;
    }
    int folder = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(flock(folder, LOCK_EX), 0);
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
    CHECK_OK(gyre_unlink(&o));
    close(folder);
}

struct unfinished {
    char path[2][64];
    int fd;
};

static void
leave(struct unfinished *u, unsigned i, bool locked)
{
    snprintf(u->path[i], sizeof u->path[i], "/dev/shm/.gyre-creating-%016x", i);
    int fd = open(u->path[i], O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0);
    if (locked)
        CHECK_EQ(flock(u->fd = fd, LOCK_EX), 0);
    else
        close(fd);
}

static int
create_without_proc(void *arg)
{
    gyre *cache;
    EXPECT(1, unshare(CLONE_NEWNS) == 0 && mount("tmpfs", "/proc", "tmpfs", 0, "size=4k") == 0);
    EXPECT(2, gyre_open(&cache, arg) == GYRE_OK);
    EXPECT(3, put_text(cache, "key", "value") == GYRE_OK);
    gyre_close(cache);
    return 0;
}

/* What a dead maker left goes, what a living one is at stays. */
TEST(region_create, what_was_left_unfinished_is_removed_when_nobody_is_at_it)
{
    struct unfinished u;
    struct region_name name = region_name(0);
    gyre_options o = region_options(&name, MIB, GYRE_CREATE);
    if (!creation_own_folder(0)) {
        printf("skipped: no mount namespace can be had here\n");
        return;
    }
    leave(&u, 0, false);
    leave(&u, 1, true);
    region_process(create_without_proc, &o);
    CHECK(access(u.path[0], F_OK) != 0 && access(u.path[1], F_OK) == 0);
    CHECK_EQ(creation_objects(), 2);
    close(u.fd);
    CHECK_OK(gyre_unlink(&o));
    region_process(create_without_proc, &o);
    CHECK_OK(gyre_unlink(&o));
    CHECK_EQ(creation_objects(), 0);
}
