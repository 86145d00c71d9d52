// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Latencies of single calls. A thread's are counted in its own histogram, in ticks, and what an
// empty measurement reads is taken off each.

#ifndef BENCH_PEERS_LATENCY_HPP
#define BENCH_PEERS_LATENCY_HPP

#include <memory>
#include <vector>

#include "server.hpp"

extern "C" {
#include "../../tools/histogram.h"
#include "../../tools/ticks.h"
}

namespace peers {

class Clock {
public:
    Clock() : ticks_(ticks_start()), overhead_(ticks_overhead(&ticks_)) {}

    uint64_t now() const { return ticks_now(ticks_.tsc); }
    uint64_t since(uint64_t start) const
    {
        const uint64_t span = now() - start;
        return span > overhead_ ? span - overhead_ : 0;
    }
    double tick_ns() const { return ticks_ns(&ticks_); }
    double overhead_ns() const { return static_cast<double>(overhead_) * tick_ns(); }

private:
    ticks ticks_;
    uint64_t overhead_;
};

struct Latencies {
    histogram get{}, put{};
};

inline Answer quantiles(const histogram &values, double tick_ns)
{
    static const struct {
        const char *name;
        double fraction;
    } asked[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99_9", 0.999}, {"max", 1}};
    Answer answer;
    for (const auto &one : asked)
        answer.add(one.name,
                   static_cast<double>(histogram_quantile(&values, one.fraction)) * tick_ns);
    answer.add("n", values.n);
    return answer;
}

inline void add_latencies(Answer &answer, const std::vector<std::unique_ptr<Latencies>> &threads,
                          const Clock &clock)
{
    auto all = std::make_unique<Latencies>();
    for (const auto &thread : threads) {
        histogram_merge(&all->get, &thread->get);
        histogram_merge(&all->put, &thread->put);
    }
    answer.add("get_ns", quantiles(all->get, clock.tick_ns()));
    answer.add("put_ns", quantiles(all->put, clock.tick_ns()));
    answer.add("timer_ns", clock.overhead_ns());
}

} // namespace peers

#endif
