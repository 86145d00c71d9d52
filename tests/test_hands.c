/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Many threads sweep at once, and stop in the middle of arenas: nothing piles up that nobody goes on with. */

#include <pthread.h>

#include "room.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(GY_POINTS)
enum { PUTS = 20000, KEYS = 60000 };
#else
enum { PUTS = 800000, KEYS = 600000 };
#endif
enum { THREADS = 6, SIZE = 64, ROOM = 168 }; /* bytes an entry: six tenths of them are used */

static void *
overwrite(void *arg)
{
    gyre *cache = arg;
    static _Atomic unsigned seeds;
    uint32_t draw = ++seeds * 7919;
    char value[SIZE] = {0};
    for (unsigned i = 0; i < PUTS; i++) {
        draw = draw * 1664525 + 1013904223;
        CHECK_OK(gyre_put(cache, key_of((draw >> 8) % KEYS).text, 16, value, SIZE, NULL));
    }
    return NULL;
}

/* Six tenths of the room: all of it can stay. */
TEST(hands, arenas_swept_in_pieces_do_not_pile_up)
{
    gyre *cache = api_open((uint64_t)KEYS * ROOM, 0);
    pthread_t thread[THREADS];
    for (unsigned k = 0; k < KEYS; k++)
        CHECK_OK(put_bytes(cache, key_of(k).text, SIZE, k));
    for (unsigned t = 0; t < THREADS; t++)
        CHECK_EQ(pthread_create(&thread[t], NULL, overwrite, cache), 0);
    for (unsigned t = 0; t < THREADS; t++)
        CHECK_EQ(pthread_join(thread[t], NULL), 0);
    CHECK_MSG(room_count_states(cache, GY_PARKED) <= GY_HANDS + THREADS, "%u parked", room_count_states(cache, GY_PARKED));
    CHECK_EQ(api_stats(cache).removed[GYRE_CAPACITY], 0);
    api_close(cache);
}
