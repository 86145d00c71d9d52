// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What a peer takes of the machine's memory, and memory for the yardsticks.

#ifndef BENCH_PEERS_MEMORY_HPP
#define BENCH_PEERS_MEMORY_HPP

#include <cstddef>
#include <functional>

namespace peers {

// Of this process, less the sequences of ids. Only differences mean something.
double resident_bytes();

// The same before a peer is opened. An arena of the allocator takes a huge page or two with the first
// allocation of a thread, whatever the peer does: all of them do so here, and for good.
double resident_bytes_at_rest();

// Gives back to the system what is free in the allocator.
void purge();

// Runs `measure` in a child, so that nothing of it stays in this process's allocator, and returns
// its figure. Only while this process has one thread.
double in_child(const std::function<double()> &measure);

// Zeroed memory in huge pages, if the machine gives any.
class HugePages {
public:
    enum Kind { own, shared }; // with the children of this process

    explicit HugePages(size_t bytes, Kind kind = own);
    ~HugePages();
    HugePages(const HugePages &) = delete;
    HugePages &operator=(const HugePages &) = delete;

    char *data() const { return data_; }

private:
    size_t mapped_bytes_;
    void *mapping_;
    char *data_;
};

} // namespace peers

#endif
