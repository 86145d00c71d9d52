// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// A sequence of ids, made before any clock starts and the same for all peers: it lies in a file
// beside the programs, which all of them map. The threads or processes of a run take it in pieces, in order; the
// next run goes on where the last one stopped, and after the end it begins anew.

#ifndef BENCH_PEERS_STREAM_HPP
#define BENCH_PEERS_STREAM_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shared.hpp"

namespace peers {

class Stream {
public:
    static constexpr size_t piece = 512; // ids; a multiple of all batches

    // `length` ids or a few more, below n_keys; theta 0: uniform, else Zipf's law with the popular
    // ids spread.
    Stream(uint32_t n_keys, double theta, size_t length);
    ~Stream();
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    const uint32_t *next()
    {
        return ids_ + next_->fetch_add(piece, std::memory_order_relaxed) % length_;
    }

    void rewind() { *next_ = 0; }

    // Of all streams of the process: resident, but no peer's.
    static uint64_t mapped_bytes();

private:
    const uint32_t *ids_;
    size_t length_;
    Shared<std::atomic<uint64_t>> next_{0u};
};

} // namespace peers

#endif
