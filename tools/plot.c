/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Colours: nothing is drawn behind the plot, and text and lines are of a middle brightness that is
 * readable on white and on black; programs that know which of the two they show get
 * stronger ones. */

#include "plot.h"

#include <math.h>
#include <stdio.h>

#include "text.h"

enum { WIDTH = 760, HEIGHT = 490, LEFT = 74, RIGHT = 24, TOP = 98, BOTTOM = 66, TICKS_MAX = 11 };

static const char style[] =
    "<style>\n"
    "text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif;"
    " font-size: 13px; fill: #767676 }\n"
    ".title { font-size: 18px; font-weight: 600 }\n"
    ".grid { stroke: #808080; stroke-opacity: 0.3; stroke-width: 1 }\n"
    ".axis { stroke: #808080; stroke-width: 1.2; fill: none }\n"
    ".gyre { stroke: #2f81c9; stroke-width: 2.5; fill: none; stroke-linejoin: round }\n"
    ".dot { fill: #2f81c9 }\n"
    ".lru { stroke: #c4701f; stroke-width: 2; fill: none; stroke-dasharray: 7 4 }\n"
    ".cold { stroke: #808080; stroke-width: 1.2; stroke-dasharray: 2 3 }\n"
    "@media (prefers-color-scheme: light) { text { fill: #57606a } .title { fill: #1f2328 } }\n"
    "@media (prefers-color-scheme: dark) { text { fill: #a0a8b0 } .title { fill: #e6edf3 }\n"
    "  .gyre { stroke: #58a6ff } .dot { fill: #58a6ff } .lru { stroke: #f0a050 } }\n"
    "</style>\n";

struct plot {
    FILE *out;
    const struct curve *curve;
    double least, most; /* sizes at the two ends of the horizontal axis */
};

static double
x_of(const struct plot *plot, double size)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * log(size / plot->least) / log(plot->most / plot->least);
}

static double
y_of(double miss_ratio)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - miss_ratio);
}

static struct text
size_label(const struct plot *plot, double size)
{
    return plot->curve->by_entries ? text_count((uint64_t)size) : text_size(size);
}

static void
write_text(const struct plot *plot, double x, double y, const char *attributes, const char *text)
{
    fprintf(plot->out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
    text_xml(plot->out, text);
    fputs("</text>\n", plot->out);
}

static void
write_line(const struct plot *plot, const char *class, double x1, double y1, double x2, double y2)
{
    fprintf(plot->out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
            class, x1, y1, x2, y2);
}

static void
write_head(const struct plot *plot, const char *title, const char *subtitle)
{
    fprintf(
        plot->out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
        " role=\"img\">\n<title>",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    text_xml(plot->out, title);
    fputs("</title>\n", plot->out);
    fputs(style, plot->out);
    write_text(plot, LEFT, 32, " class=\"title\"", title);
    write_text(plot, LEFT, 54, "", subtitle);
}

static void
write_y_axis(const struct plot *plot)
{
    for (int percent = 0; percent <= 100; percent += 20) {
        char label[16];
        snprintf(label, sizeof label, "%d %%", percent);
        double y = y_of(percent / 100.0);
        write_line(plot, percent ? "grid" : "axis", LEFT, y, WIDTH - RIGHT, y);
        write_text(plot, LEFT - 8, y + 4.5, " text-anchor=\"end\"", label);
    }
    fprintf(plot->out,
            "<text transform=\"translate(20 %.1f) rotate(-90)\" text-anchor=\"middle\">miss ratio"
            " (misses / requests)</text>\n",
            y_of(0.5));
}

/* Round sizes are powers of two for bytes, and of ten for entries, some of them left out when there
 * are too many, with 2 and 5 times the powers of ten between when there are few. */
static size_t
round_sizes(const struct plot *plot, unsigned every, bool between, double *sizes, size_t room)
{
    double base = plot->curve->by_entries ? 10 : 2;
    int first = (int)floor(log(plot->least) / log(base)),
        last = (int)ceil(log(plot->most) / log(base));
    size_t n = 0;
    for (int power = first; power <= last; power++) {
        static const double steps[] = {1, 2, 5};
        for (size_t s = 0; s < (between ? 3 : 1); s++) {
            double size = steps[s] * pow(base, power);
            bool inside = size >= plot->least * 0.9999 && size <= plot->most * 1.0001;
            if (inside && (unsigned)power % every == 0 && n < room)
                sizes[n++] = size;
        }
    }
    return n;
}

static void
write_x_axis(const struct plot *plot)
{
    double sizes[TICKS_MAX + 1];
    size_t n =
        plot->curve->by_entries ? round_sizes(plot, 1, true, sizes, TICKS_MAX + 1) : TICKS_MAX + 1;
    for (unsigned every = 1; n > TICKS_MAX; every++)
        n = round_sizes(plot, every, false, sizes, TICKS_MAX + 1);
    double bottom = y_of(0);
    for (size_t i = 0; i < n; i++) {
        double x = x_of(plot, sizes[i]);
        write_line(plot, "grid", x, y_of(1), x, bottom);
        write_line(plot, "axis", x, bottom, x, bottom + 5);
        write_text(plot, x, bottom + 21, " text-anchor=\"middle\"", size_label(plot, sizes[i]).s);
    }
    write_line(plot, "axis", LEFT, y_of(1), LEFT, bottom);
    char label[160];
    snprintf(label, sizeof label, "cache size (%s; all keys together: %s; logarithmic)",
             plot->curve->by_entries ? "entries" : "bytes",
             size_label(plot, (double)plot->curve->footprint).s);
    write_text(plot, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 18, " text-anchor=\"middle\"", label);
}

static void
write_curve(const struct plot *plot, const char *class, const struct curve_point *points, size_t n)
{
    fprintf(plot->out, "<polyline class=\"%s\" points=\"", class);
    for (size_t i = 0; i < n; i++)
        fprintf(plot->out, "%s%.1f,%.1f", i ? " " : "", x_of(plot, (double)points[i].size),
                y_of(points[i].miss_ratio));
    fputs("\"/>\n", plot->out);
}

static void
write_dots(const struct plot *plot)
{
    for (size_t i = 0; i < plot->curve->n_gyre; i++) {
        const struct curve_point *point = &plot->curve->gyre[i];
        fprintf(
            plot->out,
            "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%s%s: %.2f %% misses"
            "</title></circle>\n",
            x_of(plot, (double)point->size), y_of(point->miss_ratio),
            size_label(plot, (double)point->size).s, plot->curve->by_entries ? " entries" : "",
            100 * point->miss_ratio);
    }
}

static void
write_legend(const struct plot *plot)
{
    static const double at[] = {LEFT, LEFT + 190, LEFT + 410};
    double y = TOP - 22;
    write_line(plot, "gyre", at[0], y, at[0] + 34, y);
    fprintf(plot->out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", at[0] + 17,
            y);
    write_text(plot, at[0] + 42, y + 4.5, "", "gyre, replayed");
    write_line(plot, "lru", at[1], y, at[1] + 34, y);
    write_text(plot, at[1] + 42, y + 4.5, "",
               plot->curve->by_entries ? "LRU, exact" : "LRU, exact, no overhead");
    write_line(plot, "cold", at[2], y, at[2] + 34, y);
    write_text(plot, at[2] + 42, y + 4.5, "", "first requests of keys");
}

static void
write_plot(const struct plot *plot, const char *title, const char *subtitle)
{
    double cold = y_of(plot->curve->cold_ratio);
    write_head(plot, title, subtitle);
    write_y_axis(plot);
    write_x_axis(plot);
    write_line(plot, "cold", LEFT, cold, WIDTH - RIGHT, cold);
    write_curve(plot, "lru", plot->curve->lru, plot->curve->n_lru);
    write_curve(plot, "gyre", plot->curve->gyre, plot->curve->n_gyre);
    write_dots(plot);
    write_legend(plot);
    fputs("</svg>\n", plot->out);
}

void
plot_write(FILE *out, const struct curve *curve, const char *title, const char *subtitle)
{
    struct plot plot = {
        .out = out,
        .curve = curve,
        .least = (double)curve->gyre[0].size,
        .most = (double)curve->gyre[curve->n_gyre - 1].size,
    };
    write_plot(&plot, title, subtitle);
}
