/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"
#include "ticks.h"

static const uint64_t show_every_ns = 100000000;
static const uint64_t trust_rate_after_ns = 300000000;

void
progress_start(struct progress *progress, bool wanted, const char *label, const char *unit,
               uint64_t total)
{
    uint64_t now = clock_ns();
    *progress = (struct progress){
        .on = wanted && isatty(STDERR_FILENO),
        .label = label,
        .unit = unit,
        .total = total,
        .start_ns = now,
        .shown_ns = now,
    };
}

static size_t
terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void
draw_bar(char *bar, size_t width, double fraction)
{
    size_t full = (size_t)(fraction * (double)width);
    for (size_t i = 0; i < width; i++)
        bar[i] = i < full ? '#' : '.';
    bar[width] = '\0';
}

static void
format_rate(char *out, size_t room, const struct progress *progress, double rate)
{
    if (strcmp(progress->unit, "bytes") == 0)
        snprintf(out, room, "%s/s", text_size(rate).s);
    else
        snprintf(out, room, "%s %s/s", text_count((uint64_t)rate).s, progress->unit);
}

void
progress_show(struct progress *progress, uint64_t done)
{
    if (!progress->on)
        return;
    uint64_t now = clock_ns();
    if (now - progress->shown_ns < show_every_ns)
        return;
    progress->shown_ns = now;
    double seconds = (double)(now - progress->start_ns) / 1e9;
    double rate = (double)done / seconds;
    char rate_text[80], line[256], bar[32];
    format_rate(rate_text, sizeof rate_text, progress, rate);
    if (progress->total == 0) {
        snprintf(line, sizeof line, "%s  %s", progress->label, rate_text);
    } else {
        double fraction = done < progress->total ? (double)done / (double)progress->total : 1;
        bool known = now - progress->start_ns > trust_rate_after_ns && rate > 0;
        double left = known ? (double)progress->total * (1 - fraction) / rate : 0;
        draw_bar(bar, 24, fraction);
        snprintf(line, sizeof line, "%s [%s] %3.0f%%  %s%s%s", progress->label, bar, 100 * fraction,
                 rate_text, known ? "  ETA " : "", known ? text_duration(left).s : "");
    }
    fprintf(stderr, "\r%.*s\033[K", (int)terminal_columns() - 1, line);
    fflush(stderr);
}

void
progress_end(struct progress *progress)
{
    if (progress->on)
        fputs("\r\033[K", stderr);
    progress->on = false;
}
