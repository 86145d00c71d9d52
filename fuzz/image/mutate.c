/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* How libFuzzer changes inputs of fuzz_image: one change of the file more, or less, or another; mended or not. */

#include <string.h>

#include "patch.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
                                 size_t most, unsigned seed);

static unsigned
patches_in(size_t size)
{
    unsigned n = size < IMAGE_HEADER_BYTES ? 0 : (unsigned)((size - IMAGE_HEADER_BYTES) / IMAGE_PATCH_BYTES);
    return n < IMAGE_PATCHES ? n : IMAGE_PATCHES;
}

static uint8_t *
patch_at(uint8_t *data, unsigned i)
{
    return data + IMAGE_HEADER_BYTES + i * IMAGE_PATCH_BYTES;
}

/* Numbers at which something turns: few bits, at some place, or nearly. */
static uint64_t
draw_number(struct rng *rng)
{
    static const uint64_t limits[] = {0, 1, 2, 7, 8, 63, 64, 255, 4095, 4096, UINT16_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    switch (rng_below32(rng, 4)) {
    case 0:
        return limits[rng_below32(rng, sizeof limits / sizeof limits[0])];
    case 1:
        return rng_below(rng, 1 << 16) << rng_below32(rng, 60);
    case 2:
        return (uint64_t)0 - (rng_below(rng, 256) << rng_below32(rng, 40));
    default:
        return rng_below(rng, 64);
    }
}

/* What decides most is small: it is changed as often as what is large. */
static void
draw_patch(uint8_t *patch, struct rng *rng)
{
    uint16_t which = (uint16_t)(rng_one_in(rng, 2) ? rng_below32(rng, 64) : rng_below32(rng, 1 << 16));
    uint64_t number = draw_number(rng);
    patch[0] = (uint8_t)rng_below32(rng, IMAGE_PARTS);
    patch[1] = (uint8_t)(rng_below32(rng, IMAGE_OPERATIONS) | (rng_one_in(rng, 2) ? IMAGE_MENDED : 0) |
                         (rng_one_in(rng, 6) ? IMAGE_UNPUBLISHED : 0));
    memcpy(patch + 2, &which, sizeof which);
    memcpy(patch + 4, &number, sizeof number);
}

static void
redraw(uint8_t *patch, struct rng *rng)
{
    uint8_t other[IMAGE_PATCH_BYTES];
    draw_patch(other, rng);
    switch (rng_below32(rng, 6)) {
    case 0:
        patch[0] = other[0];
        return;
    case 1:
        patch[1] = other[1];
        return;
    case 2:
        patch[1] ^= IMAGE_MENDED;
        return;
    case 3:
        memcpy(patch + 2, other + 2, 2);
        return;
    case 4:
        memcpy(patch + 4, other + 4, 8);
        return;
    default:
        LLVMFuzzerMutate(patch + 2, 10, 10);
    }
}

/* No more than a disk does: patch.c, natural. */
static void
make_natural(uint8_t *data, unsigned n, struct rng *rng)
{
    data[1] &= (uint8_t)~(IMAGE_SIGN_HEAD | IMAGE_SIGN_TABLES);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *patch = patch_at(data, i), part = (uint8_t)rng_between(rng, i == 0 ? 0 : IMAGE_HISTORY, IMAGE_PROOFS);
        patch[0] = rng_one_in(rng, 2) && i > 0 ? part : (uint8_t)(patch[0] % IMAGE_PARTS);
        if (patch[0] > IMAGE_PROOFS || (i > 0 && patch[0] < IMAGE_HISTORY))
            patch[0] = part;
        patch[1] = rng_one_in(rng, 4) ? (uint8_t)rng_between(rng, IMAGE_NOTHING, IMAGE_ANOTHER) : IMAGE_FLIP;
    }
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct rng rng = {seed};
    unsigned n = patches_in(size), room = patches_in(most);
    if (most < IMAGE_HEADER_BYTES)
        return LLVMFuzzerMutate(data, size, most);
    if (size < IMAGE_HEADER_BYTES)
        memset(data + size, 0, IMAGE_HEADER_BYTES - size);
    for (uint32_t times = 1 + rng_below32(&rng, 4); times > 0; times--) {
        switch (rng_below32(&rng, 8)) {
        case 0: /* another file, or another visit */
            data[rng_below32(&rng, IMAGE_HEADER_BYTES)] = (uint8_t)rng_below32(&rng, 256);
            break;
        case 1: /* of how: a bit. Threads are slow, and come in no order. */
            data[1] ^= (uint8_t)(1u << rng_below32(&rng, 8));
            data[1] &= (uint8_t)~(rng_one_in(&rng, 16) ? 0u : IMAGE_THREAD);
            break;
        case 2:
            if (n > 0)
                memmove(patch_at(data, rng_below32(&rng, n)), patch_at(data, n - 1), IMAGE_PATCH_BYTES), n--;
            break;
        case 3:
        case 4:
            if (n < room)
                draw_patch(patch_at(data, n++), &rng);
            break;
        default:
            if (n > 0)
                redraw(patch_at(data, rng_below32(&rng, n)), &rng);
        }
    }
    if (rng_one_in(&rng, 6))
        make_natural(data, n, &rng);
    return IMAGE_HEADER_BYTES + n * IMAGE_PATCH_BYTES;
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t most,
                          unsigned seed)
{
    struct rng rng = {seed};
    unsigned n = 0, first = patches_in(one_size), second = patches_in(other_size), room = patches_in(most);
    if (one_size < IMAGE_HEADER_BYTES || most < IMAGE_HEADER_BYTES)
        return 0;
    memcpy(out, one, IMAGE_HEADER_BYTES);
    for (unsigned i = 0; i < first + second && n < room; i++) {
        const uint8_t *from = i < first ? one : other;
        if (rng_one_in(&rng, 2))
            memcpy(patch_at(out, n++), from + IMAGE_HEADER_BYTES + (i < first ? i : i - first) * IMAGE_PATCH_BYTES,
                   IMAGE_PATCH_BYTES);
    }
    return IMAGE_HEADER_BYTES + n * IMAGE_PATCH_BYTES;
}
