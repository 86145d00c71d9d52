/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include <getopt.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "points.h"
#include "report.h"
#include "tool.h"

static const char help[] =
    "usage: policies [OPTION]... [TRACE]...\n"
    "Miss ratios of cache policies on traces; of bench/traces/*.trace.zst when none is named.\n"
    "\n"
    "  --policy A,B      these only; --list shows them\n"
    "  --sizes X,Y       of the cache, as shares of all keys (0.005,0.01,0.05,0.1,0.2,0.4);\n"
    "                    sizes of fewer than 50 entries are left out\n"
    "  --reference FILE  compare, and fail when an algorithm that is the same differs\n"
    "  --hold A,X,Y      fail when the mean miss ratio of A is above X, or its worst regret\n"
    "                    above Y\n"
    "  --summary         means only\n"
    "  --jobs N          processes (2)\n"
    "  --list            the policies and where they come from\n";

enum { SIZES_MOST = 64, JOBS_MOST = 64 };

struct arguments {
    const struct policy **chosen;
    size_t n_chosen, n_sizes;
    double sizes[SIZES_MOST];
    const char *reference_path;
    struct bound bound; /* without a name: none */
    unsigned jobs;
    bool summary;
};

/* Called by the files of tools/ that read traces. */
void
tool_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("policies: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

static bool
choose(struct arguments *a, char *names)
{
    a->n_chosen = 0;
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        size_t i = 0;
        while (i < n_policies && strcmp(policies[i]->name, name) != 0)
            i++;
        if (i == n_policies || a->n_chosen == n_policies) {
            tool_error("no policy %s, or too many", name);
            return false;
        }
        a->chosen[a->n_chosen++] = policies[i];
    }
    return a->n_chosen > 0;
}

static bool
take_sizes(struct arguments *a, char *sizes)
{
    a->n_sizes = 0;
    for (char *size = strtok(sizes, ","); size; size = strtok(NULL, ",")) {
        char *end;
        double x = strtod(size, &end);
        if (*end != '\0' || !(x > 0 && x <= 1) || a->n_sizes == SIZES_MOST) {
            tool_error("not a share of all keys, or one too many: %s", size);
            return false;
        }
        a->sizes[a->n_sizes++] = x;
    }
    return a->n_sizes > 0;
}

static bool
take_jobs(struct arguments *a, const char *jobs)
{
    char *end;
    long n = strtol(jobs, &end, 10);
    if (*end != '\0' || n < 1 || n > JOBS_MOST) {
        tool_error("not a number of processes from 1 to %d: %s", JOBS_MOST, jobs);
        return false;
    }
    a->jobs = (unsigned)n;
    return true;
}

static bool
take_bound(struct bound *bound, const char *text)
{
    int n = 0;
    int read = sscanf(text, "%31[^,],%lf,%lf%n", bound->policy, &bound->mean,
                      &bound->worst_regret, &n);
    if (read == 3 && text[n] == '\0')
        return true;
    tool_error("not a policy, a mean and a regret: %s", text);
    return false;
}

static void
list(void)
{
    for (size_t i = 0; i < n_policies; i++)
        printf("%-18s %s\n", policies[i]->name, policies[i]->source);
}

/* True: go on; else *status is how to end. */
static bool
take_arguments(struct arguments *a, int argc, char **argv, int *status)
{
    static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
                                            {"sizes", required_argument, NULL, 's'},
                                            {"reference", required_argument, NULL, 'r'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"hold", required_argument, NULL, 'o'},
                                            {"summary", no_argument, NULL, 'm'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    bool ok = true;
    for (int option; ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': ok = choose(a, optarg); break;
        case 's': ok = take_sizes(a, optarg); break;
        case 'r': a->reference_path = optarg; break;
        case 'j': ok = take_jobs(a, optarg); break;
        case 'o': ok = take_bound(&a->bound, optarg); break;
        case 'm': a->summary = true; break;
        case 'l': list(); *status = TOOL_OK; return false;
        case 'h': fputs(help, stdout); *status = TOOL_OK; return false;
        default: ok = false;
        }
    }
    *status = TOOL_USAGE;
    return ok;
}

static bool
load(struct trace **traces, size_t *n, char **paths)
{
    for (*n = 0; paths[*n]; ++*n)
        continue;
    *traces = policies_alloc(*n, sizeof **traces);
    for (size_t i = 0; i < *n; i++)
        if (!trace_load(&(*traces)[i], paths[i], TRACE_AUTO, false))
            return false;
    return true;
}

static int
run(const struct arguments *a, char **paths)
{
    struct trace *traces;
    struct points points = {0};
    struct reference reference;
    size_t n_traces;
    if (!load(&traces, &n_traces, paths))
        return TOOL_FAIL;
    if (a->reference_path && !reference_load(&reference, a->reference_path))
        return TOOL_FAIL;
    for (size_t i = 0; i < n_traces; i++)
        points_add(&points, &traces[i], a->sizes, a->n_sizes);
    struct result *results = policies_alloc(points.n * a->n_chosen, sizeof *results);
    bool ok = points_run(&points, a->chosen, a->n_chosen, a->jobs, results);
    struct report report = {.points = &points,
                            .policies = a->chosen,
                            .n_policies = a->n_chosen,
                            .results = results,
                            .reference = a->reference_path ? &reference : NULL};
    if (ok && !a->summary)
        report_points(&report);
    if (ok)
        report_means(&report);
    if (ok && a->reference_path)
        ok = report_check(&report);
    if (a->bound.policy[0])
        ok = ok && report_hold(&report, &a->bound);
    if (a->reference_path)
        reference_free(&reference);
    for (size_t i = 0; i < n_traces; i++)
        trace_free(&traces[i]);
    free(results);
    free(points.point);
    free(traces);
    return ok ? TOOL_OK : TOOL_FAIL;
}

int
main(int argc, char **argv)
{
    struct arguments a = {.n_sizes = 6, .sizes = {0.005, 0.01, 0.05, 0.1, 0.2, 0.4}, .jobs = 2};
    glob_t found = {0};
    int status;
    a.chosen = policies_alloc(n_policies, sizeof *a.chosen);
    memcpy(a.chosen, policies, n_policies * sizeof *a.chosen);
    a.n_chosen = n_policies;
    if (take_arguments(&a, argc, argv, &status)) {
        char **paths = argv + optind;
        if (optind == argc && glob("bench/traces/*.trace.zst", 0, NULL, &found) == 0)
            paths = found.gl_pathv;
        if (*paths)
            status = run(&a, paths);
        else
            tool_error("no traces in bench/traces/ and none named");
    } else if (status == TOOL_USAGE) {
        fputs("Try: policies --help\n", stderr);
    }
    globfree(&found);
    free(a.chosen);
    return status;
}
