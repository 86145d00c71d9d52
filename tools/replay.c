/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre replay: the options, and the order of the work. */

#include "replay.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "curve.h"
#include "lru.h"
#include "plot.h"
#include "report.h"
#include "text.h"
#include "tool.h"

/* A number, or a share of something that is known only when the trace is. */
struct amount {
    uint64_t number;
    double share;
};

struct settings {
    const char *path;
    enum trace_format format;
    struct amount capacity, max_entries; /* all 0: not given */
    struct replay_plan plan;
    const char *plot_path; /* NULL: no plot */
    uint64_t n_sizes;      /* of the curve; 0: not given */
    bool unit, json, quiet;
};

enum { THREADS_MAX = 1024 };

enum {
    OPTION_TTL = 256,
    OPTION_NO_THREAD,
    OPTION_HUGEPAGES,
    OPTION_LIBURCU,
    OPTION_SEED,
    OPTION_JSON,
    OPTION_PLOT,
    OPTION_SIZES,
    OPTION_SAMPLE
};

static const char short_options[] = "c:e:f:hqt:uv:";
static const struct option long_options[] = {
    {"capacity", required_argument, NULL, 'c'},
    {"max-entries", required_argument, NULL, 'e'},
    {"format", required_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"quiet", no_argument, NULL, 'q'},
    {"threads", required_argument, NULL, 't'},
    {"unit", no_argument, NULL, 'u'},
    {"value-bytes", required_argument, NULL, 'v'},
    {"ttl", required_argument, NULL, OPTION_TTL},
    {"no-thread", no_argument, NULL, OPTION_NO_THREAD},
    {"hugepages", no_argument, NULL, OPTION_HUGEPAGES},
    {"liburcu", no_argument, NULL, OPTION_LIBURCU},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"json", no_argument, NULL, OPTION_JSON},
    {"plot", required_argument, NULL, OPTION_PLOT},
    {"sizes", required_argument, NULL, OPTION_SIZES},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: gyre replay [options] FILE\n\n"
    "Runs an access log through a cache: every request is one lookup, and on a miss the value is\n"
    "put.\n"
    "FILE, or - for standard input, is one of (plain or compressed with zstd):\n"
    "  trace   records of 16 bytes: u64 key, u32 size, u32 0, little-endian\n"
    "  lines   a key a line\n"
    "  csv     key,size a line\n\n"
    "  -c, --capacity BYTES    memory of the cache: a number with K, M, G or T, or a share of the\n"
    "                          footprint in percent (default: 10%, at least 64K)\n"
    "  -e, --max-entries N     limit on the entries: a number, or a share of the keys in percent;\n"
    "                          without --capacity, with memory enough for them\n"
    "  -f, --format FORMAT     auto, trace, lines or csv (default: auto)\n"
    "  -v, --value-bytes N     size of values of which the trace tells no size (default: 64)\n"
    "  -u, --unit              ignore the sizes in the trace\n"
    "  -t, --threads N         threads that make the requests (default: 1)\n"
    "      --ttl MS            time to live of the entries, in milliseconds of real time\n"
    "      --no-thread         no maintenance thread: puts do its work\n"
    "      --hugepages         ask for huge pages\n"
    "      --liburcu           grace periods of liburcu instead of epochs in records\n"
    "      --seed N            seed of the key hash (default: random)\n"
    "      --sample N          measure the latency of one request in N (default: 8)\n"
    "      --plot OUT.svg      draw the miss ratio over the cache size, beside that of LRU\n"
    "      --sizes N           replay at so many cache sizes too, 2 to 200 (with --plot: 12)\n"
    "      --json              print one JSON object instead of the table\n"
    "  -q, --quiet             no progress bar and no table\n"
    "  -h, --help              print this\n\n"
    "Exit status: 0; 1 when something failed or a hit returned a wrong value; 2 for wrong usage.\n";

static bool
wrong_value(const char *name, const char *argument, const char *expected)
{
    tool_error("--%s %s: expected %s", name, argument, expected);
    return false;
}

static bool
parse_number(const char *name, const char *argument, uint64_t least, uint64_t most,
             uint64_t *number)
{
    if (text_bytes(argument, number) && *number >= least && *number <= most)
        return true;
    char expected[80];
    snprintf(expected, sizeof expected, "a number from %llu to %llu", (unsigned long long)least,
             (unsigned long long)most);
    return wrong_value(name, argument, expected);
}

static bool
parse_u32(const char *name, const char *argument, uint32_t least, uint32_t most, uint32_t *number)
{
    uint64_t wide;
    if (!parse_number(name, argument, least, most, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}

static bool
parse_amount(const char *name, const char *argument, uint64_t least, uint64_t most,
             struct amount *amount)
{
    *amount = (struct amount){0};
    if (strchr(argument, '%'))
        return text_percent(argument, &amount->share)
               || wrong_value(name, argument, "a percentage above 0");
    return parse_number(name, argument, least, most, &amount->number);
}

static bool
parse_format(const char *argument, enum trace_format *format)
{
    return trace_format_find(argument, format)
           || wrong_value("format", argument, "auto, trace, lines or csv");
}

/* One option with its argument. False: the message is printed. */
static bool
parse_option(struct settings *settings, int option, const char *argument)
{
    struct replay_plan *plan = &settings->plan;
    switch (option) {
    case 'c':
        return parse_amount("capacity", argument, REPLAY_CAPACITY_MIN, REPLAY_CAPACITY_MAX,
                            &settings->capacity);
    case 'e':
        return parse_amount("max-entries", argument, 1, UINT64_MAX, &settings->max_entries);
    case 'f':
        return parse_format(argument, &settings->format);
    case 'q':
        settings->quiet = true;
        return true;
    case 't':
        return parse_u32("threads", argument, 1, THREADS_MAX, &plan->n_threads);
    case 'u':
        settings->unit = true;
        return true;
    case 'v':
        return parse_u32("value-bytes", argument, 0, 1u << 30, &plan->value_bytes);
    case OPTION_TTL:
        return parse_u32("ttl", argument, 1, UINT32_MAX - 1, &plan->ttl_ms);
    case OPTION_NO_THREAD:
        plan->flags |= GYRE_NO_THREAD;
        return true;
    case OPTION_HUGEPAGES:
        plan->flags |= GYRE_HUGEPAGES;
        return true;
    case OPTION_LIBURCU:
        plan->flags |= GYRE_LIBURCU;
        return true;
    case OPTION_SEED:
        return parse_number("seed", argument, 1, UINT64_MAX, &plan->seed);
    case OPTION_JSON:
        settings->json = true;
        return true;
    case OPTION_PLOT:
        settings->plot_path = argument;
        return true;
    case OPTION_SIZES:
        return parse_number("sizes", argument, CURVE_SIZES_MIN, CURVE_SIZES_MAX,
                            &settings->n_sizes);
    case OPTION_SAMPLE:
        return parse_u32("sample", argument, 1, 1u << 30, &plan->sample);
    default:
        return false;
    }
}

/* -1: go on; else the exit status. */
static int
parse_arguments(struct settings *settings, int argc, char **argv)
{
    static char prefix[] = "gyre replay"; /* of getopt's own messages */
    argv[0] = prefix;
    int option;
    while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return tool_flush() ? TOOL_OK : TOOL_FAIL;
        }
        if (!parse_option(settings, option, optarg))
            return TOOL_USAGE;
    }
    if (optind + 1 != argc) {
        tool_error("replay takes one FILE, or - for standard input; gyre help replay tells more");
        return TOOL_USAGE;
    }
    settings->path = argv[optind];
    return -1;
}

/* A share of `whole`, in whole units, at least one. */
static uint64_t
share_of(double share, uint64_t whole)
{
    double units = share * (double)whole;
    return units < 1 ? 1 : units < 1e18 ? (uint64_t)units : (uint64_t)1e18;
}

/* Fills in what depends on the trace. */
static void
complete_plan(struct settings *settings, const struct trace *trace, uint64_t footprint_bytes)
{
    struct replay_plan *plan = &settings->plan;
    const struct amount *entries = &settings->max_entries, *capacity = &settings->capacity;
    plan->max_entries =
        entries->share > 0 ? share_of(entries->share, trace->keys.n) : entries->number;
    if (capacity->number)
        plan->capacity_bytes = capacity->number;
    else if (capacity->share > 0)
        plan->capacity_bytes = share_of(capacity->share, footprint_bytes);
    else if (plan->max_entries)
        plan->capacity_bytes = curve_ample_capacity(trace, plan->max_entries, plan->value_bytes);
    else
        plan->capacity_bytes = footprint_bytes / 10;
    if (plan->capacity_bytes < REPLAY_CAPACITY_MIN)
        plan->capacity_bytes = REPLAY_CAPACITY_MIN;
    if (plan->capacity_bytes > REPLAY_CAPACITY_MAX)
        plan->capacity_bytes = REPLAY_CAPACITY_MAX;
}

static bool
choose_seed(struct replay_plan *plan)
{
    while (plan->seed == 0) {
        if (getrandom(&plan->seed, sizeof plan->seed, 0) != (ssize_t)sizeof plan->seed) {
            tool_error("no random seed to be had; give one with --seed");
            return false;
        }
    }
    return true;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void
draw_plot(FILE *out, const struct settings *settings, const struct trace *trace,
          const struct curve *curve)
{
    char title[160], subtitle[240], values[64] = "sizes as in the trace";
    snprintf(title, sizeof title, "Miss ratio of %.60s", base_name(trace->name));
    if (trace->unit)
        snprintf(values, sizeof values, "values of %s bytes",
                 text_count(settings->plan.value_bytes).s);
    snprintf(subtitle, sizeof subtitle,
             "%s requests, %s unique keys, %s; gyre %d.%d.%d, %u thread%s",
             text_count(trace->n_requests).s, text_count(trace->keys.n).s, values,
             GYRE_VERSION_MAJOR, GYRE_VERSION_MINOR, GYRE_VERSION_PATCH, settings->plan.n_threads,
             settings->plan.n_threads == 1 ? "" : "s");
    plot_write(out, curve, title, subtitle);
}

static uint64_t
count_wrong(const struct replay_result *result, const struct curve *curve)
{
    uint64_t wrong = result->counts.wrong;
    for (size_t i = 0; i < curve->n_gyre; i++)
        wrong += curve->gyre[i].wrong;
    return wrong;
}

/* `plot` is NULL or where the plot goes. */
static bool
replay_trace(struct settings *settings, const struct trace *trace, FILE *plot,
             struct replay_result *result)
{
    struct curve curve = {0};
    struct report report = {.trace = trace, .plan = &settings->plan, .result = result};
    bool bar = !settings->quiet;
    report.footprint_bytes = lru_footprint(trace, false, settings->plan.value_bytes);
    complete_plan(settings, trace, report.footprint_bytes);
    if (!choose_seed(&settings->plan)
        || !replay_run(trace, &settings->plan, bar ? "replay" : NULL, result))
        return false;
    if (plot || settings->n_sizes) {
        size_t n = settings->n_sizes ? settings->n_sizes : CURVE_SIZES_DEFAULT;
        if (!curve_make(&curve, trace, &settings->plan, n, bar))
            return false;
        report.curve = &curve;
    }
    if (settings->json)
        report_json(&report);
    else if (!settings->quiet)
        report_table(&report);
    if (plot)
        draw_plot(plot, settings, trace, &curve);
    uint64_t wrong = count_wrong(result, &curve);
    if (wrong)
        tool_error("%llu hits returned a wrong value (seed %llu)", (unsigned long long)wrong,
                   (unsigned long long)settings->plan.seed);
    curve_free(&curve);
    return tool_flush() && !wrong;
}

static bool
plot_failed(const struct settings *settings)
{
    tool_error("%s: %s", settings->plot_path, strerror(errno));
    return false;
}

/* The file of the plot is opened first: a mistyped name is not to be told after the replays. */
static bool
replay_file(struct settings *settings, struct replay_result *result)
{
    struct trace trace;
    FILE *plot = settings->plot_path ? fopen(settings->plot_path, "we") : NULL;
    if (settings->plot_path && !plot)
        return plot_failed(settings);
    bool ok = trace_load(&trace, settings->path, settings->format, !settings->quiet);
    if (ok) {
        trace.unit |= settings->unit;
        ok = replay_trace(settings, &trace, plot, result);
        trace_free(&trace);
    }
    if (plot) {
        bool broken = ferror(plot);
        if (fclose(plot) != 0 || broken)
            ok = plot_failed(settings);
    }
    return ok;
}

static int
replay(int argc, char **argv)
{
    struct settings settings = {
        .plan = {.n_threads = 1, .value_bytes = 64, .sample = 8},
    };
    int status = parse_arguments(&settings, argc, argv);
    if (status >= 0)
        return status;
    struct replay_result *result = malloc(sizeof *result);
    if (!result)
        tool_error("no memory");
    bool ok = result && replay_file(&settings, result);
    free(result);
    return ok ? TOOL_OK : TOOL_FAIL;
}

const struct tool_command tool_replay = {"replay", "run an access log through a cache", help,
                                         replay};
