// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// TBB's concurrent_hash_map: chains, a reader-writer lock in each bucket and in each entry. A value
// is read under a const_accessor and overwritten where it lies under an accessor. It evicts
// nothing.
//
// Settings, tried in turns, million hits a second by processor time (uniform with 1 thread, zipf
// with 1, 50/50 with 2): a value behind a pointer 2.9, 3.7, 7.0; a value that follows its key in
// one allocation, which the map's allocator makes room for, 3.7, 5.3, 8.5; that with two buckets
// for an entry, 4.2, 5.1 (at best 6.3), 11.2, which is what stands here.

#include <tbb/concurrent_hash_map.h>
#include <tbb/version.h>

#include <cstdlib>
#include <new>

#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

// Bytes that the next entry of this thread takes beyond its own.
thread_local size_t tail_bytes;

// Makes room for an entry's tail; what the map allocates more than one of are its buckets.
template <class T> struct Allocator {
    using value_type = T;

    Allocator() = default;
    template <class Other> Allocator(const Allocator<Other> &) {}

    T *allocate(size_t n)
    {
        void *memory = std::malloc(n * sizeof(T) + (n == 1 ? tail_bytes : 0));
        if (memory == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(memory);
    }
    void deallocate(T *memory, size_t) { std::free(memory); }

    bool operator==(const Allocator &) const { return true; }
    bool operator!=(const Allocator &) const { return false; }
};

// The last of an entry; its bytes follow.
struct Value {
    uint64_t size = 0;

    char *bytes() { return reinterpret_cast<char *>(this + 1); }
    const char *bytes() const { return reinterpret_cast<const char *>(this + 1); }
};

struct HashCompare {
    size_t hash(const Key &key) const { return peers::hash(key); }
    bool equal(const Key &a, const Key &b) const { return a == b; }
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "TBB concurrent_hash_map";

    struct Thread {
        explicit Thread(Peer &) {}
    };

    explicit Peer(const Config &config)
        : map_(config.kind == Kind::growing ? 1024 : 2 * config.entries)
    {
    }

    static std::string version() { return std::string("oneTBB ") + TBB_VERSION_STRING; }

    uint64_t n_entries() const { return map_.size(); }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        Map::const_accessor entry;
        if (!map_.find(entry, key))
            return false;
        read(entry->second.bytes(), entry->second.size);
        return true;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        Map::accessor entry;
        tail_bytes = size;
        while (!map_.insert(entry, key) && entry->second.size != size)
            map_.erase(entry);
        entry->second.size = size;
        std::memcpy(entry->second.bytes(), value, size);
        return true;
    }

    bool del(Thread &, const Key &key) { return map_.erase(key); }

private:
    using Map =
        tbb::concurrent_hash_map<Key, Value, HashCompare, Allocator<std::pair<const Key, Value>>>;

    Map map_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
