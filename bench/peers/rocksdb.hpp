// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What RocksDB's caches have in common. They map a key, which they copy, to a pointer: a value is
// an allocation of its own, read in place under a handle. Its size is not kept with it a second
// time: the entry's charge, key and value together, says it.

#ifndef BENCH_PEERS_ROCKSDB_HPP
#define BENCH_PEERS_ROCKSDB_HPP

#include <rocksdb/cache.h>
#include <rocksdb/version.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

#include "peer.hpp"

namespace peers {

class RocksPeer : public PeerBase {
public:
    static constexpr bool evicts = true;

    struct Thread {
        explicit Thread(RocksPeer &) {}
    };

    explicit RocksPeer(const Config &config) : charge_(charge(config)) {}

    static std::string version() { return "RocksDB " + rocksdb::GetRocksVersionAsString(); }

    uint64_t n_entries() const { return cache_->GetUsage() / charge_; }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        rocksdb::Cache::Handle *handle = cache_->Lookup(slice(key));
        if (handle == nullptr)
            return false;
        read(static_cast<const char *>(cache_->Value(handle)),
             cache_->GetCharge(handle) - Key::size);
        cache_->Release(handle);
        return true;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        void *copy = std::malloc(size);
        if (copy == nullptr)
            return false;
        std::memcpy(copy, value, size);
        return cache_->Insert(slice(key), copy, Key::size + size, free_value).ok();
    }

    // The cache does not say whether it had the key; the value's end does, which comes at once but
    // where another thread reads that value just now.
    bool del(Thread &, const Key &key)
    {
        freed = false;
        cache_->Erase(slice(key));
        return freed;
    }

protected:
    static size_t charge(const Config &config) { return Key::size + config.value_bytes; }

    // Shards are not even: where all entries must stay, there is room for so many times as many.
    static size_t capacity(const Config &config, double spare)
    {
        const double room = config.kind == Kind::evicting ? 1 : spare;
        return static_cast<size_t>(static_cast<double>(config.entries * charge(config)) * room);
    }

    void use(std::shared_ptr<rocksdb::Cache> cache)
    {
        if (cache == nullptr)
            throw std::runtime_error("RocksDB makes no such cache");
        cache_ = std::move(cache);
    }

private:
    static rocksdb::Slice slice(const Key &key) { return {key.data(), Key::size}; }

    static void free_value(const rocksdb::Slice &, void *value)
    {
        freed = true;
        std::free(value);
    }

    static inline thread_local bool freed;

    size_t charge_;
    std::shared_ptr<rocksdb::Cache> cache_;
};

} // namespace peers

#endif
