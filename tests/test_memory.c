/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What a full cache takes of the machine's memory, and how much of it entries are. */

#include <stdlib.h>
#include <sys/mman.h>

#include "api.h"
#include "cache.h"

enum { VALUE = 64, ENTRY = 16 + VALUE, PAGE = 4096 };

static gyre *
filled(uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options o = api_options(capacity_bytes, flags | GYRE_NO_THREAD);
    o.expected_entry_bytes = ENTRY;
    gyre *cache = api_open_with(&o);
    static const char value[VALUE];
    for (uint64_t i = 0; i < capacity_bytes / ENTRY * 5 / 4; i++)
        CHECK_OK(gyre_put(cache, key_of(i).text, 16, value, sizeof value, NULL));
    return cache;
}

static uint64_t
resident_bytes(const gyre *cache)
{
    size_t pages = (cache->region.bytes + PAGE - 1) / PAGE, n = 0;
    unsigned char *resident = malloc(pages);
    CHECK(resident != NULL && mincore(cache->region.base, cache->region.bytes, resident) == 0);
    for (size_t i = 0; i < pages; i++)
        n += resident[i] & 1;
    free(resident);
    return n * PAGE;
}

/* Of a huge page all is resident, whatever is used of it. The pages of words, and of records, are used in part. */
TEST(memory, capacity_and_tables_are_all_that_is_resident)
{
    static const uint64_t capacity[] = {5 * MIB + 12345, 24 * MIB + 12345};
    for (unsigned i = 0; i < 4; i++) {
        gyre *cache = filled(capacity[i / 2], i % 2 ? GYRE_HUGEPAGES : 0);
        gyre_stats s = api_stats(cache);
        CHECK_MSG(resident_bytes(cache) <= s.capacity_bytes + s.table_bytes + 8 * PAGE, "%llu resident, tables %llu",
                  (unsigned long long)resident_bytes(cache), (unsigned long long)s.table_bytes);
        api_close(cache);
    }
}

/* Full of what was expected: the index is not too small, and in no capacity much larger than that. */
TEST(memory, the_index_fits_what_was_expected)
{
    for (uint64_t capacity = 5 * MIB; capacity < 24 * MIB; capacity = capacity * 5 / 4) {
        gyre *cache = filled(capacity, 0);
        gyre_stats s = api_stats(cache);
        CHECK(s.growths <= 1); /* by chance, one of its shards */
        CHECK_MSG(s.index_bytes <= s.entries * 15, "%llu bytes for %llu entries", (unsigned long long)s.index_bytes,
                  (unsigned long long)s.entries);
        CHECK_MSG(s.window_conflicts * 1000 < s.puts, "%llu conflicts", (unsigned long long)s.window_conflicts);
        api_close(cache);
    }
}
