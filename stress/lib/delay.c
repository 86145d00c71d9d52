/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "delay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

enum { FRESH_NS = 1000000, FIELD_STOLEN = 8, TICK_NS = 10000000 };

/* A number of the first line of a small file of /proc: blanks separate the fields, and the first is 0. */
static uint64_t
number_of(int file, unsigned field)
{
    char text[256];
    ssize_t n = file < 0 ? -1 : pread(file, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *at = text;
    for (unsigned i = 0; i < field && at != NULL; i++) {
        at = strchr(at, ' ');
        at = at ? at + strspn(at, " ") : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

static void
ask(struct delay *delay)
{
    delay->kept_from_running_ns = number_of(delay->thread, 1);
    delay->stolen_ns = number_of(delay->machine, FIELD_STOLEN) * TICK_NS;
    delay->asked_ns = stress_now_ns();
}

void
delay_begin(struct delay *delay)
{
    *delay = (struct delay){.thread = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC),
                            .machine = open("/proc/stat", O_RDONLY | O_CLOEXEC)};
    ask(delay);
}

void
delay_call(struct delay *delay)
{
    delay->started_ns = stress_now_ns();
    if (delay->started_ns - delay->asked_ns > FRESH_NS) {
        ask(delay);
        delay->started_ns = delay->asked_ns;
    }
}

uint64_t
delay_returned(struct delay *delay, uint64_t *took_ns)
{
    uint64_t took = stress_now_ns() - delay->started_ns, ran = delay->kept_from_running_ns, stolen = delay->stolen_ns;
    *took_ns = took;
    if (took < (uint64_t)DELAY_LONG_MS * 1000000)
        return took;
    ask(delay);
    uint64_t explained = delay->kept_from_running_ns - ran + delay->stolen_ns - stolen;
    return took > explained ? took - explained : 0;
}
