// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// RocksDB's HyperClockCache. It maps a 16-byte key to a pointer: a value is an allocation of its
// own. The charge of an entry is its payload, the estimate is exact, and metadata is not charged,
// so that "room for n entries" means n entries.

#include <rocksdb/cache.h>
#include <rocksdb/version.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "look.h"
#include "workload.h"

namespace
{

using rocksdb::Cache;
using rocksdb::Slice;

struct Hcc {
    std::shared_ptr<Cache> cache;
};

void *Open(uint64_t n_entries)
{
    rocksdb::HyperClockCacheOptions options(n_entries * LOOK_PAYLOAD_BYTES, LOOK_PAYLOAD_BYTES);
    options.metadata_charge_policy = rocksdb::kDontChargeCacheMetadata;
    return new Hcc{options.MakeSharedCache()};
}

void Close(void *hcc)
{
    delete static_cast<Hcc *>(hcc);
}

void Delete(const Slice &, void *value)
{
    std::free(value);
}

void Put(void *hcc, uint64_t id)
{
    unsigned char key[WORKLOAD_KEY_BYTES];
    void *value = std::malloc(LOOK_VALUE_BYTES);

    workload_key(id, key);
    workload_fill(id, value, LOOK_VALUE_BYTES);
    const Slice slice(reinterpret_cast<const char *>(key), sizeof key);
    if (!static_cast<Hcc *>(hcc)->cache->Insert(slice, value, LOOK_PAYLOAD_BYTES, Delete).ok())
        std::fprintf(stderr, "HyperClockCache: an insertion failed\n");
}

inline bool LookUp(Cache *cache, uint64_t id, look_count *count)
{
    unsigned char key[WORKLOAD_KEY_BYTES];

    workload_key(id, key);
    Cache::Handle *handle = cache->Lookup(Slice(reinterpret_cast<const char *>(key), sizeof key));
    if (handle == nullptr)
        return false;
    count->hits++;
    count->right += workload_check(id, cache->Value(handle), LOOK_VALUE_BYTES);
    cache->Release(handle);
    return true;
}

look_count Get(void *hcc, const uint32_t *ids, size_t n)
{
    Cache *cache = static_cast<Hcc *>(hcc)->cache.get();
    look_count count{0, 0};

    for (size_t i = 0; i < n; i++)
        LookUp(cache, ids[i], &count);
    return count;
}

look_count GetThenPut(void *hcc, const uint32_t *ids, size_t n)
{
    Cache *cache = static_cast<Hcc *>(hcc)->cache.get();
    look_count count{0, 0};

    for (size_t i = 0; i < n; i++) {
        if (!LookUp(cache, ids[i], &count))
            Put(hcc, ids[i]);
    }
    return count;
}

uint64_t Entries(void *hcc)
{
    return static_cast<Hcc *>(hcc)->cache->GetUsage() / LOOK_PAYLOAD_BYTES;
}

void Version(char *text, size_t size)
{
    std::snprintf(text, size, "RocksDB %s", rocksdb::GetRocksVersionAsString().c_str());
}

} // namespace

const look_peer look_hcc = {
    "HyperClockCache", Open, Close, Put, Get, nullptr, GetThenPut, Entries, Version,
};
