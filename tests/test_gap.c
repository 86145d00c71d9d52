/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process forks while one of its threads has reserved room in an arena and not yet written the header there:
 * the child has a gap of unknown length, and its sweep must not go by what stands in it. */

#include "trap.h"

#ifdef GY_POINTS

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 6, SIZE = 100 };

static gyre *shared;
static char *gap; /* where the header is not yet */
static _Atomic bool stopped, go_on;
static _Thread_local bool may_stop;

static void
stop_before_header(const char *file, int line, const volatile void *address)
{
    (void)file, (void)line;
    if (!may_stop || address != gap)
        return;
    may_stop = false;
    atomic_store(&stopped, true);
    while (!atomic_load(&go_on))
        sched_yield();
}

static void *
put_and_stop(void *unused)
{
    may_stop = true;
    int result = room_put(shared, GY_PROBATION, "stopped", SIZE, 77);
    atomic_store(&stopped, true); /* if it did not stop, nobody need wait for that */
    CHECK_OK(result);
    CHECK(!may_stop);
    return unused;
}

/* As a header of 256 lives ago, of the same generation, that covers all that was written behind it. */
static void
write_stale_header(void)
{
    uint32_t arena = room_arena_of(shared, key_of(0).text);
    uint64_t word = gy_load_seq(&shared->words[arena]), at = (uint64_t)(gap - shared->region.base);
    uint64_t end = gy_arena_offset(shared, arena) + gy_load_seq(&shared->books[arena].position);
    struct gy_header h = {.key_bytes = 8, .generation = gy_arena_generation(word)};
    h.value_bytes = (uint32_t)(end - at - gy_entry_bytes(at, h, shared->g.value_align));
    CHECK_EQ(gy_entry_bytes(at, h, shared->g.value_align), end - at);
    gy_entry_set_header(gap, h);
}

/* In the child, where checks are exit codes. */
static int
child_verdict(void)
{
    uint32_t arena = gy_ref_arena(shared, (uint64_t)(gap - shared->region.base) >> 3);
    for (unsigned k = 0; k < KEYS; k++) /* the first operation mends */
        if (!has_bytes(shared, key_of(k).text, SIZE, k))
            return 10;
    if (!is_missing(shared, "stopped"))
        return 11;
    if (gy_load_seq(&shared->books[arena].holed) != 1)
        return 12;
    room_seal_all(shared);
    for (unsigned i = 0; i < 100 && room_state(shared, arena) != GY_FREE; i++)
        room_sweep(shared, shared->arena_bytes);
    if (room_state(shared, arena) != GY_FREE)
        return 13;
    if (room_refs_into(shared, arena) != 0)
        return 14;
    for (unsigned k = 0; k < KEYS; k++)
        if (!has_bytes(shared, key_of(k).text, SIZE, k) && !is_missing(shared, key_of(k).text))
            return 15;
    return 0;
}

TEST(gap, a_fork_between_the_room_and_its_header)
{
    shared = api_open(256 << 10, GYRE_NO_THREAD);
    CHECK_EQ(shared->g.n_lanes, 1);
    CHECK_OK(room_put(shared, GY_PROBATION, key_of(0).text, SIZE, 0));
    gap = gy_at(shared, gy_slot_ref(room_word(shared, key_of(0).text)));
    gap += gy_entry_bytes((uint64_t)(gap - shared->region.base), gy_entry_header(gap), shared->g.value_align);
    gy_point_hook = stop_before_header;
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, put_and_stop, NULL), 0);
    while (!atomic_load(&stopped))
        sched_yield();
    for (unsigned k = 1; k < KEYS; k++) {
        CHECK_OK(room_put(shared, GY_PROBATION, key_of(k).text, SIZE, k));
        CHECK_EQ(room_arena_of(shared, key_of(k).text), room_arena_of(shared, key_of(0).text));
    }
    write_stale_header();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        gy_point_hook = NULL;
        alarm(300);
        _exit(child_verdict());
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    atomic_store(&go_on, true);
    pthread_join(thread, NULL);
    gy_point_hook = NULL;
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
    for (unsigned k = 0; k < KEYS; k++)
        CHECK(has_bytes(shared, key_of(k).text, SIZE, k));
    CHECK(has_bytes(shared, "stopped", SIZE, 77));
    api_close(shared);
}

#else

TEST(gap, needs_points)
{
    CHECK(put_bytes(NULL, "key", 1, 1) == GYRE_EINVAL);
}

#endif
