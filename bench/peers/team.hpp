// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The threads of a run: they start together, and the clock runs from the first one's first
// operation to the last one's last.

#ifndef BENCH_PEERS_TEAM_HPP
#define BENCH_PEERS_TEAM_HPP

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "stream.hpp"

namespace peers {

inline uint64_t clock_now_ns(clockid_t clock = CLOCK_MONOTONIC)
{
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

// How long a run is: seconds, or, if not 0, a number of requests of all threads together.
struct Length {
    double seconds = 1;
    uint64_t requests = 0;
};

// What a run's threads take their pieces of work from.
class Work {
public:
    explicit Work(const Length &length) : length_(length) {}

    // Called by each thread as it begins.
    uint64_t until_ns() const
    {
        return clock_now_ns() + static_cast<uint64_t>(length_.seconds * 1e9);
    }

    // Whether there is another piece to do.
    bool claim(uint64_t until_ns)
    {
        if (length_.requests == 0)
            return clock_now_ns() < until_ns;
        return claimed_.fetch_add(Stream::piece, std::memory_order_relaxed) < length_.requests;
    }

private:
    Length length_;
    std::atomic<uint64_t> claimed_{0};
};

// What a loop counts: nothing for a hit, so that counting costs nothing where it would matter.
struct Count {
    uint64_t ops = 0;      // what the rate is of
    uint64_t requests = 0; // of them, those that look a key up
    uint64_t misses = 0;   // of these
    uint64_t wrong = 0;    // values that are not what was put, puts that failed
    uint64_t puts = 0;

    void add(const Count &other)
    {
        ops += other.ops;
        requests += other.requests;
        misses += other.misses;
        wrong += other.wrong;
        puts += other.puts;
    }
};

class Gate {
public:
    explicit Gate(unsigned threads) : from_(threads), to_(threads)
    {
        pthread_barrier_init(&barrier_, nullptr, threads);
    }
    ~Gate() { pthread_barrier_destroy(&barrier_); }
    Gate(const Gate &) = delete;
    Gate &operator=(const Gate &) = delete;

    void enter(unsigned index)
    {
        pthread_barrier_wait(&barrier_);
        from_[index] = clock_now_ns();
    }
    void leave(unsigned index) { to_[index] = clock_now_ns(); }

    double seconds() const
    {
        const uint64_t from = *std::min_element(from_.begin(), from_.end());
        const uint64_t to = *std::max_element(to_.begin(), to_.end());
        return static_cast<double>(to - from) / 1e9;
    }

private:
    pthread_barrier_t barrier_;
    std::vector<uint64_t> from_, to_;
};

struct Outcome {
    Count count;
    double seconds = 0, cpu_seconds = 0;
};

// body(index, gate) prepares itself, calls gate.enter, works, calls gate.leave, and returns its
// count.
template <class Body> Outcome run_team(unsigned threads, const Body &body)
{
    Gate gate(threads);
    std::vector<Count> counts(threads);
    std::vector<std::thread> team;
    const uint64_t cpu_from = clock_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < threads; i++)
        team.emplace_back([&, i] { counts[i] = body(i, gate); });
    for (std::thread &thread : team)
        thread.join();
    Outcome outcome;
    for (const Count &count : counts)
        outcome.count.add(count);
    outcome.seconds = gate.seconds();
    outcome.cpu_seconds =
        static_cast<double>(clock_now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_from) / 1e9;
    return outcome;
}

} // namespace peers

#endif
