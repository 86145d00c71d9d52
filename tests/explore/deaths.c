/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "deaths.h"

#include <string.h>

#include "processes.h"

enum { DEATHS_MOST = 2, NAME_MOST = 32 };

static struct death {
    char file[NAME_MOST]; /* empty: anywhere */
    unsigned thread;
    uint32_t left; /* accesses */
} deaths[DEATHS_MOST];

static unsigned n_deaths, n_died;
static uint64_t bounded_at;

/* One of the names. */
static void
draw_file(char file[NAME_MOST], const char *names, struct rng *rng)
{
    unsigned n = 1;
    for (const char *at = names; *at; at++)
        n += *at == ' ';
    for (n = rng_below32(rng, n); n > 0; n--)
        names = strchr(names, ' ') + 1;
    size_t length = strcspn(names, " ");
    memcpy(file, names, length);
    file[length] = 0;
}

void
deaths_draw(const struct plan *plan, struct rng *rng, unsigned n_threads, const char *aim)
{
    uint32_t length = plan->length ? plan->length : 500;
    n_deaths = plan->deaths;
    bounded_at = plan->death_at;
    n_died = 0;
    for (unsigned i = 0; i < n_deaths; i++) {
        struct death *d = &deaths[i];
        d->file[0] = 0;
        d->thread = rng_below32(rng, n_threads);
        d->left = 1 + rng_below32(rng, length / n_threads + 1);
        if (rng_one_in(rng, 2) && (i > 0 || aim)) {
            draw_file(d->file, i > 0 ? "reap.c grow.c" : aim, rng);
            d->left = 1 + rng_below32(rng, 1u << rng_below32(rng, 9));
        }
    }
}

unsigned
deaths_so_far(void)
{
    return n_died;
}

unsigned
deaths_now(uint64_t access, const struct explore_site *site)
{
    unsigned self = process_self();
    if (bounded_at != 0 && access == bounded_at) {
        n_died++;
        return self;
    }
    if (n_died == n_deaths)
        return 0;
    struct death *d = &deaths[n_died];
    bool counts = d->file[0] ? site != NULL && strcmp(site->base, d->file) == 0 : sched_self() == d->thread;
    if (!counts || --d->left > 0)
        return 0;
    n_died++;
    return self;
}
