// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The yardstick: what no cache that takes care of other threads can beat. Nothing is synchronised,
// nothing is evicted, nothing can be overwritten; it is filled once and then read.
//
// A lookup is two dependent cache misses. The table has buckets of a cache line, eight slots, half
// of them full, so that almost all keys are in their first bucket and the processor foresees every
// branch; what it foresees, it overlaps with the lookups that follow. A slot is 32 bits of the hash
// and the number of an entry; the eight tags are compared in two steps. Entries lie in one array,
// key and value together, and all memory is in huge pages.

#include <emmintrin.h>

#include <stdexcept>

#include "memory.hpp"
#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;

constexpr size_t slots_per_bucket = 8;
constexpr size_t unit = 8; // bytes

struct alignas(64) Bucket {
    uint32_t tags[slots_per_bucket];    // 0: free
    uint32_t entries[slots_per_bucket]; // where they begin, in units

    // A bit for each slot whose tag this is.
    unsigned with(uint32_t tag) const
    {
        const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
        const __m128i *four = reinterpret_cast<const __m128i *>(tags);
        const __m128i low = _mm_cmpeq_epi32(_mm_load_si128(four), wanted);
        const __m128i high = _mm_cmpeq_epi32(_mm_load_si128(four + 1), wanted);
        return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(low)) |
                                     _mm_movemask_ps(_mm_castsi128_ps(high)) << 4);
    }
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "ideal";
    static constexpr bool batches = true;
    static constexpr bool writes = false;

    struct Thread {
        explicit Thread(Peer &) {}
    };

    explicit Peer(const Config &config)
        : value_bytes_(config.value_bytes), entry_bytes_(Key::size + config.value_bytes),
          room_(config.entries), mask_(buckets_for(config.entries) - 1),
          buckets_memory_((mask_ + 1) * sizeof(Bucket)), entries_memory_(room_ * entry_bytes_),
          buckets_(reinterpret_cast<Bucket *>(buckets_memory_.data())),
          entries_(entries_memory_.data())
    {
    }

    static std::string version() { return "ideal"; }
    uint64_t n_entries() const { return n_; }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        const char *entry = find(key, peers::cheap_hash(key));
        if (entry == nullptr)
            return false;
        read(entry + Key::size, value_bytes_);
        return true;
    }

    // Each step for all keys before the next step: the misses of a step overlap.
    template <class Read> size_t get_many(Thread &, const Key *keys, size_t n, Read &&read)
    {
        uint64_t hashes[64];
        const char *entries[64];
        size_t hits = 0;
        for (size_t i = 0; i < n; i++) {
            hashes[i] = peers::cheap_hash(keys[i]);
            __builtin_prefetch(&buckets_[hashes[i] & mask_]);
        }
        for (size_t i = 0; i < n; i++) {
            const Bucket &bucket = buckets_[hashes[i] & mask_];
            const unsigned found = bucket.with(tag_of(hashes[i])) | 1u << 7;
            entries[i] = entry_at(bucket.entries[__builtin_ctz(found)]);
            __builtin_prefetch(entries[i]);
            __builtin_prefetch(entries[i] + 64);
        }
        for (size_t i = 0; i < n; i++) {
            if (__builtin_expect(!is_of(entries[i], keys[i]), 0)) {
                entries[i] = find(keys[i], hashes[i]);
                if (entries[i] == nullptr)
                    continue;
            }
            read(i, entries[i] + Key::size, value_bytes_);
            hits++;
        }
        return hits;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        const uint64_t hash = peers::cheap_hash(key);
        if (n_ == room_ || size != value_bytes_)
            return false;
        uint64_t at = hash & mask_;
        while (buckets_[at].with(0) == 0)
            at = (at + 1) & mask_;
        const int slot = __builtin_ctz(buckets_[at].with(0));
        const uint64_t units = n_++ * entry_bytes_ / unit;
        char *entry = entry_at(units);
        std::memcpy(entry, key.data(), Key::size);
        std::memcpy(entry + Key::size, value, size);
        buckets_[at].tags[slot] = tag_of(hash);
        buckets_[at].entries[slot] = static_cast<uint32_t>(units);
        return true;
    }

private:
    static uint64_t buckets_for(uint64_t entries)
    {
        uint64_t buckets = 2;
        while (buckets * slots_per_bucket < entries * 3 / 2)
            buckets *= 2;
        return buckets;
    }

    static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) | 1; }

    char *entry_at(uint64_t units) const { return entries_ + units * unit; }

    static bool is_of(const char *entry, const Key &key)
    {
        Key stored;
        std::memcpy(stored.bytes, entry, Key::size);
        return stored == key;
    }

    const char *find(const Key &key, uint64_t hash) const
    {
        for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
            const Bucket &bucket = buckets_[at];
            for (unsigned found = bucket.with(tag_of(hash)); found != 0; found &= found - 1) {
                const char *entry = entry_at(bucket.entries[__builtin_ctz(found)]);
                if (__builtin_expect(is_of(entry, key), 1))
                    return entry;
            }
            if (bucket.with(0) != 0)
                return nullptr;
        }
    }

    size_t value_bytes_, entry_bytes_;
    uint64_t room_, n_ = 0, mask_;
    peers::HugePages buckets_memory_, entries_memory_;
    Bucket *const buckets_;
    char *const entries_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
