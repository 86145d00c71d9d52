// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The threads of a run, or its processes: they start together, and the clock runs from the first
// one's first operation to the last one's last.

#ifndef BENCH_PEERS_TEAM_HPP
#define BENCH_PEERS_TEAM_HPP

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "shared.hpp"
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
        return claimed_->fetch_add(Stream::piece, std::memory_order_relaxed) < length_.requests;
    }

private:
    Length length_;
    Shared<std::atomic<uint64_t>> claimed_{0u};
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

constexpr unsigned team_most = 1024;

// What a team shares: its start, and what each of it has found.
class Gate {
public:
    explicit Gate(unsigned size) : size_(size)
    {
        pthread_barrierattr_t shared;
        pthread_barrierattr_init(&shared);
        pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_barrier_init(&barrier_, &shared, size);
        pthread_barrierattr_destroy(&shared);
    }
    Gate(const Gate &) = delete;
    Gate &operator=(const Gate &) = delete;

    void enter(unsigned index)
    {
        pthread_barrier_wait(&barrier_);
        from_[index] = clock_now_ns();
        cpu_[index] = clock_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    }
    void leave(unsigned index)
    {
        to_[index] = clock_now_ns();
        cpu_[index] = clock_now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_[index];
    }
    void found(unsigned index, const Count &count) { count_[index] = count; }

    double seconds() const
    {
        const uint64_t from = *std::min_element(from_, from_ + size_);
        const uint64_t to = *std::max_element(to_, to_ + size_);
        return static_cast<double>(to - from) / 1e9;
    }

    // Of the processes, where each of the team is one.
    double cpu_seconds() const
    {
        return static_cast<double>(std::accumulate(cpu_, cpu_ + size_, uint64_t{0})) / 1e9;
    }

    Count count() const
    {
        Count sum;
        for (unsigned i = 0; i < size_; i++)
            sum.add(count_[i]);
        return sum;
    }

private:
    pthread_barrier_t barrier_; // never destroyed: one of a team that was killed may be in it
    unsigned size_;
    uint64_t from_[team_most], to_[team_most], cpu_[team_most];
    Count count_[team_most];
};

struct Outcome {
    Count count;
    double seconds = 0, cpu_seconds = 0;
};

// body(index, gate) prepares itself, calls gate.enter, works, calls gate.leave, and returns its
// count.
template <class Body> Outcome run_threads(unsigned threads, const Body &body)
{
    Shared<Gate> gate(threads);
    std::vector<std::thread> team;
    const uint64_t cpu_from = clock_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < threads; i++)
        team.emplace_back([&, i] { gate->found(i, body(i, *gate)); });
    for (std::thread &thread : team)
        thread.join();
    const uint64_t cpu_to = clock_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    return {gate->count(), gate->seconds(), static_cast<double>(cpu_to - cpu_from) / 1e9};
}

// A child that does this and ends.
template <class Job> pid_t fork_for(const Job &job)
{
    const pid_t child = fork();
    if (child < 0)
        throw std::runtime_error("no more processes");
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        job();
        _exit(0);
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        _exit(1);
    }
}

// The same with a process for each. One that fails ends all, since the others would wait for it.
template <class Body> Outcome run_processes(unsigned processes, const Body &body)
{
    Shared<Gate> gate(processes);
    std::vector<pid_t> team;
    bool failed = false;
    for (unsigned i = 0; i < processes; i++)
        team.push_back(fork_for([&, i] { gate->found(i, body(i, *gate)); }));
    while (!team.empty()) {
        int status = 0;
        const auto ended = std::find(team.begin(), team.end(), waitpid(-1, &status, 0));
        if (ended == team.end())
            continue; // it was none of the team
        team.erase(ended);
        if (status != 0 && !failed)
            for (const pid_t other : team)
                kill(other, SIGKILL);
        failed = failed || status != 0;
    }
    if (failed)
        throw std::runtime_error("a process of the run failed");
    return {gate->count(), gate->seconds(), gate->cpu_seconds()};
}

} // namespace peers

#endif
