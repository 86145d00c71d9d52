/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1024, CHANGES_MOST = 4 << 20, STATES_MOST = 1 << 18 };

static void *
must(void *memory)
{
    if (memory == NULL || memory == MAP_FAILED) {
        perror("steps: no memory");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static uint64_t
size_of(int file)
{
    struct stat s;
    return fstat(file, &s) == 0 ? (uint64_t)s.st_size : 0;
}

void
image_open(struct image *image, int file, uint64_t bytes_most)
{
    *image = (struct image){.file = file, .bytes = size_of(file), .bytes_most = bytes_most};
    image->at = must(mmap(NULL, bytes_most, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    image->kept = must(mmap(NULL, bytes_most, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

void
image_close(struct image *image)
{
    munmap(image->at, image->bytes_most);
    munmap(image->kept, image->bytes_most);
}

void
image_watch(struct image *image, uint64_t at, uint64_t bytes)
{
    image->watched[image->n_watched++] = (struct part){at, bytes}; /* multiples of a line */
}

/* (In a handler of signals.) */
static void
add_state(struct states *states, uint64_t instruction, uint64_t bytes)
{
    if (states->n == STATES_MOST)
        abort();
    states->state[states->n++] = (struct state){states->n_changes, instruction, bytes};
}

static void
add_change(struct states *states, uint64_t word, uint64_t value)
{
    if (states->n_changes == CHANGES_MOST)
        abort();
    states->change[states->n_changes++] = (struct change){(uint32_t)word, value};
}

void
image_begin(struct image *image, struct states *states)
{
    states->n = states->n_changes = 0;
    image->bytes = size_of(image->file);
    memcpy(image->kept, image->at, image->bytes);
    add_state(states, 0, image->bytes);
}

static void
look_at_chunk(struct image *image, struct states *states, uint64_t at, uint64_t bytes)
{
    for (uint64_t i = at; i < at + bytes; i += 8)
        if (memcmp(image->at + i, image->kept + i, 8) != 0) {
            memcpy(image->kept + i, image->at + i, 8);
            uint64_t value;
            memcpy(&value, image->kept + i, 8);
            add_change(states, i / 8, value);
        }
}

/* A smaller object has lost its end, a larger one got zeros. */
static bool
look_at_size(struct image *image, struct states *states)
{
    uint64_t is = size_of(image->file), was = image->bytes;
    image->bytes = is;
    for (uint64_t i = is & ~(uint64_t)7; i < was; i += 8) {
        uint64_t value;
        memcpy(&value, image->kept + i, 8);
        memset(image->kept + i, 0, 8);
        if (value != 0)
            add_change(states, i / 8, 0);
    }
    return is != was;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void
image_look(struct image *image, struct states *states, uint64_t instruction, uint64_t from, uint64_t bytes)
{
    size_t before = states->n_changes;
    uint64_t to = bytes > UINT64_MAX - from ? UINT64_MAX : from + bytes;
    bool resized = bytes == UINT64_MAX && look_at_size(image, states);
    for (unsigned w = 0; w < image->n_watched; w++) {
        uint64_t at = image->watched[w].at, end = less(at + image->watched[w].bytes, to);
        end = less(end, image->bytes & ~(uint64_t)7);
        at = at < from ? from : at;
        for (; at < end; at += CHUNK) {
            uint64_t n = less(end - at, CHUNK);
            if (memcmp(image->at + at, image->kept + at, n) != 0)
                look_at_chunk(image, states, at, n);
        }
    }
    if (resized || states->n_changes != before)
        add_state(states, instruction, image->bytes);
}

bool
image_rest_is_same(const struct image *image)
{
    uint64_t at = 0;
    bool same = true;
    for (unsigned w = 0; w <= image->n_watched; w++) {
        uint64_t end = w < image->n_watched ? image->watched[w].at : image->bytes;
        end = end < image->bytes ? end : image->bytes;
        same &= at >= end || memcmp(image->at + at, image->kept + at, end - at) == 0;
        at = w < image->n_watched ? image->watched[w].at + image->watched[w].bytes : at;
    }
    return same;
}

char *
image_copy(const struct image *image)
{
    char *copy = must(malloc(image->bytes_most));
    for (unsigned w = 0; w < image->n_watched; w++)
        memcpy(copy + image->watched[w].at, image->kept + image->watched[w].at, image->watched[w].bytes);
    return copy;
}

void
image_keep(struct image *image, const char *copy)
{
    for (unsigned w = 0; w < image->n_watched; w++)
        memcpy(image->kept + image->watched[w].at, copy + image->watched[w].at, image->watched[w].bytes);
}

void
image_advance(struct image *image, const struct states *states, size_t to)
{
    for (size_t i = 0; i < states->state[to].changes_end; i++)
        memcpy(image->kept + (uint64_t)states->change[i].word * 8, &states->change[i].value, 8);
    image->bytes = states->state[to].bytes;
}

void
image_put(struct image *image)
{
    for (unsigned w = 0; w < image->n_watched; w++) {
        uint64_t at = image->watched[w].at, end = at + image->watched[w].bytes;
        end = end < image->bytes ? end : image->bytes;
        if (at < end)
            memcpy(image->at + at, image->kept + at, end - at);
    }
}

static void *
shared(size_t bytes)
{
    return must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

void
states_open(struct states *states)
{
    *states = (struct states){.change = shared(CHANGES_MOST * sizeof(struct change)),
                              .state = shared(STATES_MOST * sizeof(struct state))};
}

struct states
states_copy(const struct states *states)
{
    struct states copy = *states;
    copy.change = must(malloc((states->n_changes + 1) * sizeof(struct change)));
    copy.state = must(malloc((states->n + 1) * sizeof(struct state)));
    memcpy(copy.change, states->change, states->n_changes * sizeof(struct change));
    memcpy(copy.state, states->state, states->n * sizeof(struct state));
    return copy;
}

void
states_free(struct states *copy)
{
    free(copy->change);
    free(copy->state);
}
