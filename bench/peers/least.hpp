// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The yardstick of the limits: a map that does the least that gyre's contract asks for, and beside
// it as many instructions as it is told, which wait for nothing. What it does not reach, no cache
// of this contract and of so many instructions reaches on this machine.
//
// The contract: a value is read where it lies, for as long as the reader likes, so a put never
// writes where the old value lies. A get waits for two lines, one after the other: of the index,
// and of the entry, which takes up two neighbouring ones. A put writes an entry elsewhere, and
// publishes it by one compare-and-swap in the index; what was there before is written to again when
// all readers have been seen between two gets. Where room is short, a put takes the oldest entry's
// word out of the index, too. Nothing else is evicted, nothing expires, nothing moves, and all
// memory was touched before.

#ifndef BENCH_PEERS_LEAST_HPP
#define BENCH_PEERS_LEAST_HPP

#include <emmintrin.h>
#include <sched.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

#include "busy.hpp"
#include "memory.hpp"
#include "peer.hpp"
#include "serve.hpp"
#include "value.hpp"

namespace {

using peers::Config;
using peers::Key;

constexpr size_t slots_per_bucket = 8, buckets_of_a_key = 8;
constexpr size_t header_bytes = 16, align = 32;
constexpr size_t batch_bytes = 2 << 20; // of entries that a lane takes at a time, and gives back
constexpr uint32_t evicted_parts = 1024; // where the oldest are evicted: such a part of all places
constexpr size_t lanes = 5; // for four threads, and the one that fills

// A word: the key's tag, which is never 0, and the number of a place. 0: free.
struct alignas(64) Bucket {
    std::atomic<uint64_t> words[slots_per_bucket];

    // A bit for each slot whose tag this is. Each word is read whole, as the processor has it.
    unsigned with(uint32_t tag) const
    {
        const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
        const __m128 *two = reinterpret_cast<const __m128 *>(words);
        const __m128 low = _mm_shuffle_ps(two[0], two[1], _MM_SHUFFLE(3, 1, 3, 1));
        const __m128 high = _mm_shuffle_ps(two[2], two[3], _MM_SHUFFLE(3, 1, 3, 1));
        const __m128i low_are = _mm_cmpeq_epi32(_mm_castps_si128(low), wanted);
        const __m128i high_are = _mm_cmpeq_epi32(_mm_castps_si128(high), wanted);
        return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(low_are)) |
                                     _mm_movemask_ps(_mm_castsi128_ps(high_are)) << 4);
    }
};

// What a thread writes with: places that are free, places that will be after a grace period, and
// those it has given up since. Where entries are evicted: those next, one with each put.
struct alignas(64) Lane {
    std::atomic<bool> used{false};
    std::vector<uint32_t> ready, waiting, retired;
    uint32_t oldest = 0, oldest_end = 0;
    uint64_t seen[lanes] = {}; // of the others, when the waiting ones had all been given up
    int64_t added = 0;
    alignas(64) std::atomic<uint64_t> calls{0}; // between two of them its thread holds nothing

    void count_call()
    {
        calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
};

// Busy: `name`, and how many instructions each call has beside its own.
template <class Busy> struct Least : peers::PeerBase {
    static constexpr const char *name = Busy::name;
    static constexpr bool batches = true;
    static constexpr bool evicts = true;

    class Thread {
    public:
        explicit Thread(Least &least) : peer(least), lane(least.claim()) {}
        ~Thread()
        {
            if (peer.evicting_) // another lane comes round to these places
                lane.ready.clear(), lane.waiting.clear(), lane.retired.clear(),
                    lane.oldest = lane.oldest_end;
            lane.used.store(false, std::memory_order_release);
        }
        Thread(const Thread &) = delete;
        Thread &operator=(const Thread &) = delete;

        void did() { lane.count_call(); }

        Least &peer;
        Lane &lane;
    };

    explicit Least(const Config &config)
        : entry_bytes_((header_bytes + Key::size + config.value_bytes + align - 1) / align * align),
          evicting_(config.kind == peers::Kind::evicting),
          batch_(static_cast<uint32_t>(evicting_ ? config.entries / evicted_parts + 1
                                                 : batch_bytes / entry_bytes_)),
          places_(static_cast<uint32_t>(config.entries / batch_ + 3 * lanes) * batch_),
          mask_(buckets_for(evicting_ ? places_ : config.entries) - 1),
          index_memory_((mask_ + 1) * sizeof(Bucket)),
          entries_memory_(places_ * entry_bytes_),
          index_(reinterpret_cast<Bucket *>(index_memory_.data())),
          entries_(entries_memory_.data()), lanes_(new Lane[lanes])
    {
        std::memset(index_memory_.data(), 0, (mask_ + 1) * sizeof(Bucket));
        std::memset(entries_, 1, places_ * entry_bytes_);
    }

    static std::string version() { return Busy::name; }

    uint64_t n_entries() const
    {
        int64_t n = 0;
        for (size_t i = 0; i < lanes; i++)
            n += lanes_[i].added;
        return static_cast<uint64_t>(n);
    }

    template <class Read> bool get(Thread &thread, const Key &key, Read &&read)
    {
        peers::be_busy<Busy::get>();
        const char *entry = place_of(find(key, peers::cheap_hash(key)).word);
        if (entry != nullptr)
            read_entry(entry, read);
        thread.did();
        return entry != nullptr;
    }

    // Each step for all keys before the next step: the misses of a step overlap.
    template <class Read> size_t get_many(Thread &thread, const Key *keys, size_t n, Read &&read)
    {
        uint64_t hashes[64];
        const char *entries[64];
        size_t hits = 0;
        for (size_t i = 0; i < n; i++) {
            hashes[i] = peers::cheap_hash(keys[i]);
            __builtin_prefetch(&index_[hashes[i] & mask_]);
            peers::be_busy<Busy::get_many / 3>();
        }
        for (size_t i = 0; i < n; i++) {
            const Bucket &bucket = index_[hashes[i] & mask_];
            const unsigned found = bucket.with(tag_of(hashes[i])) | 1u << 7;
            const auto &slot = bucket.words[__builtin_ctz(found)];
            entries[i] = place(static_cast<uint32_t>(slot.load(std::memory_order_acquire)));
            __builtin_prefetch(entries[i]);
            __builtin_prefetch(entries[i] + 64);
            peers::be_busy<Busy::get_many / 3>();
        }
        for (size_t i = 0; i < n; i++) {
            peers::be_busy<Busy::get_many / 3>();
            if (__builtin_expect(!is_of(entries[i], keys[i]), 0))
                entries[i] = place_of(find(keys[i], hashes[i]).word);
            if (entries[i] == nullptr)
                continue;
            read_entry(entries[i], [&](const char *value, size_t size) { read(i, value, size); });
            hits++;
        }
        thread.did();
        return hits;
    }

    bool put(Thread &thread, const Key &key, const char *value, size_t size)
    {
        peers::be_busy<Busy::put>();
        Lane &lane = thread.lane;
        const uint64_t hash = peers::cheap_hash(key);
        if (lane.ready.empty() && !refill(lane))
            return false;
        const uint32_t at = lane.ready.back();
        lane.ready.pop_back();
        char *entry = place(at);
        std::memcpy(entry, &size, sizeof size);
        std::memcpy(entry + header_bytes, key.data(), Key::size);
        std::memcpy(entry + header_bytes + Key::size, value, size);
        Found found = find_or_evict(key, hash);
        while (found.slot != nullptr && !replace(found, word_of(hash, at)))
            found = find_or_evict(key, hash);
        if (found.slot == nullptr)
            return false;
        if (evicting_)
            evict_one(lane);
        else if (found.word != 0)
            lane.retired.push_back(static_cast<uint32_t>(found.word));
        lane.added += found.word == 0;
        thread.did();
        return true;
    }

    bool del(Thread &thread, const Key &key)
    {
        const uint64_t hash = peers::cheap_hash(key);
        Found found = find(key, hash);
        while (found.word != 0 && !replace(found, 0))
            found = find(key, hash);
        if (found.word != 0 && !evicting_)
            thread.lane.retired.push_back(static_cast<uint32_t>(found.word));
        thread.lane.added -= found.word != 0;
        thread.did();
        return found.word != 0;
    }

private:
    // A key's slot and what was in it; or a free one, and 0; or none.
    struct Found {
        std::atomic<uint64_t> *slot = nullptr;
        uint64_t word = 0;
    };

    static uint64_t buckets_for(uint64_t entries)
    {
        uint64_t buckets = 2 * buckets_of_a_key;
        while (buckets * slots_per_bucket < entries * 3 / 2)
            buckets *= 2;
        return buckets;
    }

    static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) | 1; }
    static uint64_t word_of(uint64_t hash, uint32_t at)
    {
        return static_cast<uint64_t>(tag_of(hash)) << 32 | at;
    }

    char *place(uint32_t at) const { return entries_ + at * entry_bytes_; }
    char *place_of(uint64_t word) const
    {
        return word != 0 ? place(static_cast<uint32_t>(word)) : nullptr;
    }

    static bool is_of(const char *entry, const Key &key)
    {
        Key stored;
        std::memcpy(stored.bytes, entry + header_bytes, Key::size);
        return stored == key;
    }

    template <class Read> static void read_entry(const char *entry, Read &&read)
    {
        size_t size;
        std::memcpy(&size, entry, sizeof size);
        read(entry + header_bytes + Key::size, size);
    }

    Found find(const Key &key, uint64_t hash) const
    {
        for (size_t i = 0; i < buckets_of_a_key; i++) {
            Bucket &bucket = index_[(hash + i) & mask_];
            for (unsigned left = bucket.with(tag_of(hash)); left != 0; left &= left - 1) {
                std::atomic<uint64_t> &slot = bucket.words[__builtin_ctz(left)];
                const uint64_t word = slot.load(std::memory_order_acquire);
                if (__builtin_expect(word != 0 && is_of(place_of(word), key), 1))
                    return {&slot, word};
            }
            const unsigned free = bucket.with(0);
            if (free != 0)
                return {&bucket.words[__builtin_ctz(free)], 0};
        }
        return {};
    }

    Found find_or_evict(const Key &key, uint64_t hash) const
    {
        const Found found = find(key, hash);
        if (found.slot != nullptr || !evicting_)
            return found;
        std::atomic<uint64_t> &slot = index_[hash & mask_].words[0];
        return {&slot, slot.load(std::memory_order_relaxed)};
    }

    static bool replace(Found &found, uint64_t word)
    {
        return found.slot->compare_exchange_strong(found.word, word, std::memory_order_acq_rel);
    }

    Lane &claim()
    {
        for (size_t i = 0; i < lanes; i++) {
            if (!lanes_[i].used.exchange(true, std::memory_order_acq_rel))
                return lanes_[i];
        }
        throw std::runtime_error("least: too many threads");
    }

    // More places: those that were given up a batch ago, or new ones.
    bool refill(Lane &lane)
    {
        while (evicting_ && lane.ready.empty()) {
            while (lane.retired.size() < batch_)
                evict_one(lane);
            rotate(lane);
        }
        if (lane.ready.empty() && lane.retired.size() >= batch_)
            rotate(lane);
        if (lane.ready.empty()) {
            const uint64_t from = next_batch();
            for (uint64_t at = from + batch_; at-- > from && from < places_;)
                lane.ready.push_back(static_cast<uint32_t>(at));
        }
        return !lane.ready.empty();
    }

    void rotate(Lane &lane) const
    {
        wait_for_readers(lane);
        lane.ready.swap(lane.waiting);
        lane.waiting.swap(lane.retired);
        for (size_t i = 0; i < lanes; i++)
            lane.seen[i] = lanes_[i].calls.load(std::memory_order_acquire);
    }

    // Where room is short, all places again, in order.
    uint64_t next_batch()
    {
        const uint64_t from = next_place_.fetch_add(batch_, std::memory_order_relaxed);
        return evicting_ ? from % places_ : from;
    }

    // Takes the word out that leads to the oldest entry. Its bucket is asked for some puts before.
    void evict_one(Lane &lane)
    {
        constexpr uint32_t ahead = 8;
        if (lane.oldest == lane.oldest_end) {
            lane.oldest = static_cast<uint32_t>(next_batch());
            lane.oldest_end = lane.oldest + batch_;
        }
        __builtin_prefetch(&index_[hash_at(lane.oldest + ahead) & mask_]);
        __builtin_prefetch(place(lane.oldest + 2 * ahead));
        const uint64_t hash = hash_at(lane.oldest), word = word_of(hash, lane.oldest);
        lane.retired.push_back(lane.oldest++);
        for (size_t i = 0; i < buckets_of_a_key; i++) {
            for (std::atomic<uint64_t> &slot : index_[(hash + i) & mask_].words) {
                uint64_t seen = word;
                if (slot.load(std::memory_order_relaxed) == word &&
                    slot.compare_exchange_strong(seen, 0, std::memory_order_acq_rel)) {
                    lane.added--;
                    return;
                }
            }
        }
    }

    uint64_t hash_at(uint32_t at) const
    {
        Key key;
        std::memcpy(key.bytes, place(at % places_) + header_bytes, Key::size);
        return peers::cheap_hash(key);
    }

    // Until each that may have held what was given up a batch ago has been seen between two calls.
    // Who waits holds nothing either, and says so: two may wait for each other.
    void wait_for_readers(Lane &own) const
    {
        for (size_t i = 0; i < lanes && !own.waiting.empty(); i++) {
            const Lane &other = lanes_[i];
            while (&other != &own && other.used.load(std::memory_order_acquire) &&
                   other.calls.load(std::memory_order_acquire) == own.seen[i]) {
                own.count_call();
                sched_yield();
            }
        }
    }

    size_t entry_bytes_;
    bool evicting_;
    uint32_t batch_, places_;
    uint64_t mask_;
    peers::HugePages index_memory_, entries_memory_;
    Bucket *const index_;
    char *const entries_;
    std::unique_ptr<Lane[]> lanes_;
    std::atomic<uint64_t> next_place_{0};
};

} // namespace

#endif
