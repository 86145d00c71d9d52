/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "options.h"

#include <string.h>

enum {
    OPEN_FLAGS = GYRE_CREATE | GYRE_EXCLUSIVE | GYRE_READONLY | GYRE_NO_THREAD | GYRE_HUGEPAGES |
                 GYRE_VERSIONS | GYRE_LIBURCU | GYRE_SHM_FD | GYRE_ANY_FILE_SYSTEM | GYRE_NO_CHECKSUMS | GYRE_COMPACT |
                 GYRE_SPARSE,
    PUT_FLAGS = GYRE_ADD | GYRE_REPLACE | GYRE_IF_VERSION,
};

static const uint64_t CAPACITY_LEAST = 64 << 10;
static const uint64_t CAPACITY_MOST = (uint64_t)4 << 40; /* a ref reaches 8 TiB, tables included */
static const uint64_t ENTRIES_MOST = (uint64_t)1 << 40;

bool
gy_stamped_copy(void *out, size_t out_bytes, const void *given, size_t least_bytes)
{
    uint32_t given_bytes;
    memcpy(&given_bytes, given, sizeof given_bytes);
    if (given_bytes < least_bytes || given_bytes > 65536 || given_bytes % sizeof given_bytes != 0)
        return false;
    const unsigned char *from = given;
    for (size_t i = out_bytes; i < given_bytes; i++)
        if (from[i] != 0)
            return false;
    memset(out, 0, out_bytes);
    memcpy(out, given, given_bytes < out_bytes ? given_bytes : out_bytes);
    return true;
}

/* Which cache is meant, and whether it may be as it is asked for. */
static bool
kind_makes_sense(gyre_options *o)
{
    bool by_fd = (o->flags & GYRE_SHM_FD) != 0, file = o->file_path != NULL, shared = by_fd || file || o->shm_name != NULL;
    if (o->reserved != 0 || by_fd + file + (o->shm_name != NULL) > 1 || (!by_fd && o->shm_fd != 0) || o->shm_fd < 0 ||
        (!file && (o->sync_interval_ms != 0 || o->flags & (GYRE_ANY_FILE_SYSTEM | GYRE_NO_CHECKSUMS | GYRE_COMPACT))))
        return false;
    if (!shared)
        return o->mode <= 07777 && !(o->flags & (GYRE_READONLY | GYRE_SPARSE));
    if (o->mode & ~0666u || o->clock_ms || o->flags & GYRE_LIBURCU ||
        (o->flags & GYRE_EXCLUSIVE && !(o->flags & GYRE_CREATE)) || (o->flags & GYRE_READONLY && o->flags & (GYRE_CREATE | GYRE_COMPACT)))
        return false;
    if (o->mode == 0)
        o->mode = 0600;
    return true;
}

/* Is it asked to be as it is? */
static bool
exists_already(const gyre_options *o)
{
    return (o->shm_name || o->file_path || o->flags & GYRE_SHM_FD) && !(o->flags & GYRE_CREATE);
}

int
gy_options_check_name(gyre_options *out, const gyre_options *given)
{
    if (given == NULL || !gy_stamped_copy(out, sizeof *out, given, offsetof(gyre_options, max_entries)))
        return GYRE_EINVAL;
    return !out->shm_name != !out->file_path && !(out->flags & GYRE_SHM_FD) ? GYRE_OK : GYRE_EINVAL;
}

int
gy_options_check(gyre_options *out, const gyre_options *given)
{
    if (given == NULL || !gy_stamped_copy(out, sizeof *out, given, offsetof(gyre_options, max_entries)))
        return GYRE_EINVAL;
    if (out->flags & ~(uint32_t)OPEN_FLAGS || !kind_makes_sense(out))
        return GYRE_EINVAL;
    bool any_capacity = out->capacity_bytes == 0 && exists_already(out);
    if (any_capacity)
        out->capacity_bytes = CAPACITY_MOST; /* for the checks that compare with it */
    if (out->capacity_bytes < CAPACITY_LEAST || out->capacity_bytes > CAPACITY_MOST ||
        out->max_entries > ENTRIES_MOST || out->max_value_bytes >= out->capacity_bytes)
        return GYRE_EINVAL;
    if (out->value_align == 0)
        out->value_align = 8;
    if (out->value_align < 8 || out->value_align > 4096 || out->value_align & (out->value_align - 1))
        return GYRE_EINVAL;
    if (out->expected_entry_bytes > out->capacity_bytes)
        return GYRE_EINVAL;
    if (any_capacity)
        out->capacity_bytes = 0;
    if (out->default_ttl_ms == GYRE_NO_TTL)
        out->default_ttl_ms = 0;
    if ((out->allocate == NULL) != (out->deallocate == NULL))
        return GYRE_EINVAL;
    return GYRE_OK;
}

int
gy_lease_options_check(gyre_lease_options *out, const gyre_lease_options *given)
{
    enum { LEASE_MS = 10000 };
    memset(out, 0, sizeof *out);
    if (given != NULL && !gy_stamped_copy(out, sizeof *out, given, offsetof(gyre_lease_options, lease_ms)))
        return GYRE_EINVAL;
    if (out->flags != 0 || out->reserved != 0)
        return GYRE_EINVAL;
    if (out->lease_ms == 0)
        out->lease_ms = LEASE_MS;
    if (out->wait_ms == 0)
        out->wait_ms = out->lease_ms == GYRE_NO_WAIT ? GYRE_NO_WAIT - 1 : out->lease_ms;
    return GYRE_OK;
}

int
gy_put_options_check(gyre_put_options *out, const gyre_put_options *given, bool versions)
{
    if (given == NULL) {
        memset(out, 0, sizeof *out);
        return GYRE_OK;
    }
    if (!gy_stamped_copy(out, sizeof *out, given, offsetof(gyre_put_options, ttl_ms)) || out->flags & ~(uint32_t)PUT_FLAGS ||
        out->flags & (out->flags - 1))
        return GYRE_EINVAL;
    if (out->flags & GYRE_IF_VERSION && !versions)
        return GYRE_EINVAL;
    return GYRE_OK;
}
