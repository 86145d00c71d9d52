/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Prints the tables of docs/limits.md: what the code plans for caches of these capacities. */

#include <inttypes.h>
#include <stdio.h>

#include "entry.h"
#include "layout.h"

enum { CPUS = 8 };

static bool
plan(uint64_t capacity, uint32_t max_value_bytes, struct gy_geometry *out)
{
    gyre_options given = GYRE_OPTIONS_INIT, checked;
    given.capacity_bytes = capacity;
    given.max_value_bytes = max_value_bytes;
    return gy_options_check(&checked, &given) == GYRE_OK && gy_layout_plan(out, &checked, CPUS) == GYRE_OK;
}

/* The largest max_value_bytes that gyre_open takes: by halving. */
static uint32_t
largest_value(uint64_t capacity)
{
    struct gy_geometry g;
    uint64_t low = 1, high = UINT32_MAX;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (plan(capacity, (uint32_t)middle, &g))
            low = middle;
        else
            high = middle - 1;
    }
    return (uint32_t)low;
}

static const char *
human(uint64_t bytes, char *text, size_t room)
{
    static const char unit[] = "BKMGT";
    unsigned u = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && unit[u + 1])
        bytes /= 1024, u++;
    snprintf(text, room, "%" PRIu64 " %c%s", bytes, unit[u], u ? "iB" : "");
    return text;
}

int
main(void)
{
    static const uint64_t capacity[] = {64u << 10, 256u << 10, 1u << 20, 8u << 20, 64u << 20, 256u << 20,
                                        1u << 30, (uint64_t)16 << 30, (uint64_t)256 << 30, (uint64_t)4 << 40};
    printf("superblock %zu + %zu a shard, record %zu, arena's word and book %zu, lane %zu, header of an entry %zu\n"
           "lanes for %d processors\n\n",
           sizeof(struct gy_super), sizeof(struct gy_shard), sizeof(struct gy_record),
           sizeof(gy_atomic_u64) + sizeof(struct gy_book), sizeof(struct gy_lane), sizeof(struct gy_header), CPUS);
    printf("| capacity | arena | arenas | value, default | value, largest | shards | first index | largest index "
           "| lanes | reserve | history | address space |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof capacity / sizeof *capacity; i++) {
        struct gy_geometry g;
        char t[6][32];
        if (!plan(capacity[i], 0, &g))
            return 1;
        uint64_t first = gy_layout_index_first(&g);
        printf("| %s | %s | %" PRIu32 " | %" PRIu64 " | %" PRIu32 " | %u | %s | %s | %" PRIu32 " | %" PRIu32
               " | %s | %" PRIu64 " MiB |\n",
               human(capacity[i], t[0], sizeof t[0]), human((uint64_t)1 << g.arena_shift, t[1], sizeof t[1]),
               g.n_arenas, g.max_value_bytes, largest_value(capacity[i]), g.n_shards,
               human(first, t[2], sizeof t[2]), human(g.shard_bytes_most * g.n_shards, t[3], sizeof t[3]),
               g.n_lanes, g.reserve_arenas, human((uint64_t)g.n_history * GY_LINE, t[4], sizeof t[4]),
               g.region_bytes >> 20);
    }
    return 0;
}
