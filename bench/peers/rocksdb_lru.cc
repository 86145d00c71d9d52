// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// RocksDB's LRUCache: shards of a mutex, a hash table and an LRU list.
//
// Settings: metadata is not charged, so that "room for n entries" means n entries; no part of the
// room is for entries of a high priority, as there are none. Tried, in turns, million hits a second
// by processor time (zipf with 2 threads) with 2^4, 2^6, 2^8 and 2^11 shards: 3.3, 3.2, 3.8 and
// 3.1; adaptive mutexes change nothing.

#include <rocksdb/cache.h>

#include "peer.hpp"
#include "rocksdb.hpp"
#include "serve.hpp"

namespace {

constexpr int shard_bits = 8;

struct Peer : peers::RocksPeer {
    static constexpr const char *name = "RocksDB LRUCache";

    explicit Peer(const peers::Config &config) : RocksPeer(config)
    {
        rocksdb::LRUCacheOptions options(capacity(config, 4), shard_bits, false, 0.0);
        options.metadata_charge_policy = rocksdb::kDontChargeCacheMetadata;
        use(rocksdb::NewLRUCache(options));
    }
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
