// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The one file that knows Google Benchmark. It calls a benchmark several times with growing numbers
// of iterations; states are kept over those calls, since filling a cache takes longer than
// measuring it.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "bench.h"

namespace
{

// Iterations between two looks at the counter: their cost disappears, and batches stay short.
constexpr uint64_t kBatch = 1024;

struct Current {
    struct bench bench = {};
    void *state = nullptr;
    uint64_t cursors[BENCH_THREADS] = {};

    void Drop()
    {
        if (state != nullptr)
            bench.teardown(state);
        state = nullptr;
    }

    void Prepare(const struct bench &next)
    {
        if (state == nullptr || next.setup != bench.setup || next.arg != bench.arg ||
            next.fixed_iterations != 0 || bench.fixed_iterations != 0) {
            Drop();
            state = next.setup(next.arg);
            bench_require(state != nullptr, "setup");
            std::fill(std::begin(cursors), std::end(cursors), 0);
        }
        bench = next;
    }
};

Current current;

void Measure(benchmark::State &run, const struct bench &bench)
{
    // The other threads wait for this one where the first KeepRunningBatch starts the clock.
    if (run.thread_index() == 0)
        current.Prepare(bench);

    uint64_t cursor = 0;
    bool started = false;
    const auto batch = std::min<uint64_t>(kBatch, static_cast<uint64_t>(run.max_iterations));
    while (run.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) {
        if (!started)
            cursor = current.cursors[run.thread_index()];
        started = true;
        bench.run(&bench, current.state, run.thread_index(), &cursor, batch);
    }
    current.cursors[run.thread_index()] = cursor;

    run.SetItemsProcessed(static_cast<int64_t>(run.iterations()) *
                          static_cast<int64_t>(bench.items));
    if (bench.ratio != nullptr && run.thread_index() == 0)
        run.counters[bench.ratio_name] = bench.ratio(current.state);
}

} // namespace

void bench_add(const struct bench *bench)
{
    const struct bench copy = *bench;
    auto *added = benchmark::RegisterBenchmark(
        bench->name, [copy](benchmark::State &run) { Measure(run, copy); });
    added->Threads(bench->threads)->UseRealTime();
    if (bench->fixed_iterations != 0)
        added->Iterations(static_cast<benchmark::IterationCount>(bench->fixed_iterations));
}

void bench_require(int condition, const char *what)
{
    if (!condition) {
        std::fprintf(stderr, "benchmark: failed: %s\n", what);
        std::exit(1);
    }
}

int main(int argc, char **argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    bench_register();
    benchmark::RunSpecifiedBenchmarks();
    current.Drop();
    return 0;
}
