// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The yardstick that most projects write for themselves, written well: 256 shards of a mutex, a
// hash table with chains, and an LRU list whose links lie in the entries; one allocation an entry,
// one hash a call, values read in place under the shard's mutex, what is to be freed freed after
// it. An entry that expires says when behind its value.

#include <pthread.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

constexpr unsigned shard_bits = 8, shards = 1u << shard_bits;
constexpr uint32_t expires_flag = 1u << 31; // in a value's size

struct Entry {
    Entry *chain, *newer, *older;
    uint32_t hash, value_size;
    Key key;

    size_t size() const { return value_size & ~expires_flag; }
    char *value() { return reinterpret_cast<char *>(this + 1); }
    uint64_t expiry_ns() { return peers::word_at(value() + size()); }
    bool expired()
    {
        return __builtin_expect(value_size & expires_flag, 0) &&
               expiry_ns() <= peers::clock_now_ns(CLOCK_MONOTONIC_COARSE);
    }
};

// All but the constructor and the destructor under the lock.
class alignas(64) Shard {
public:
    Shard()
    {
        pthread_mutexattr_t adaptive;
        pthread_mutexattr_init(&adaptive);
        pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
        pthread_mutex_init(&lock_, &adaptive);
        pthread_mutexattr_destroy(&adaptive);
    }

    ~Shard()
    {
        for (Entry *entry = newest_, *older; entry != nullptr; entry = older) {
            older = entry->older;
            std::free(entry);
        }
        std::free(table_);
        pthread_mutex_destroy(&lock_);
    }

    void make_room(uint64_t most_entries)
    {
        uint64_t size = 16;
        while (size < most_entries)
            size *= 2;
        most_ = most_entries;
        mask_ = size - 1;
        table_ = static_cast<Entry **>(std::calloc(size, sizeof *table_));
        if (table_ == nullptr)
            throw std::bad_alloc();
    }

    void lock(uint64_t hash)
    {
        __builtin_prefetch(&table_[hash & mask_]);
        pthread_mutex_lock(&lock_);
    }
    void unlock() { pthread_mutex_unlock(&lock_); }

    uint64_t n_entries() const { return n_; }

    // The place that holds the pointer to the entry, or the end of its chain.
    Entry **find(uint32_t hash, const Key &key)
    {
        Entry **place = &table_[hash & mask_];
        while (*place != nullptr && !((*place)->hash == hash && (*place)->key == key))
            place = &(*place)->chain;
        return place;
    }

    void touch(Entry *entry)
    {
        if (entry == newest_)
            return;
        take_from_list(entry);
        make_newest(entry);
    }

    // Returns what is to be freed.
    Entry *remove_at(Entry **place)
    {
        Entry *entry = *place;
        *place = entry->chain;
        take_from_list(entry);
        n_--;
        return entry;
    }

    // Puts it in the place of its older self, or evicts for it. Returns what is to be freed.
    Entry *insert(Entry *entry)
    {
        Entry **place = find(entry->hash, entry->key), *removed = nullptr;
        if (*place != nullptr)
            removed = remove_at(place);
        else if (n_ == most_)
            removed = remove_at(find(oldest_->hash, oldest_->key));
        place = &table_[entry->hash & mask_];
        entry->chain = *place;
        *place = entry;
        make_newest(entry);
        n_++;
        return removed;
    }

private:
    void take_from_list(Entry *entry)
    {
        (entry->newer != nullptr ? entry->newer->older : newest_) = entry->older;
        (entry->older != nullptr ? entry->older->newer : oldest_) = entry->newer;
    }

    void make_newest(Entry *entry)
    {
        entry->newer = nullptr;
        entry->older = newest_;
        (newest_ != nullptr ? newest_->newer : oldest_) = entry;
        newest_ = entry;
    }

    pthread_mutex_t lock_;
    Entry **table_ = nullptr;
    uint64_t mask_ = 0, n_ = 0, most_ = 0;
    Entry *newest_ = nullptr, *oldest_ = nullptr;
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "in_house";
    static constexpr bool evicts = true;
    static constexpr bool expires = true;

    struct Thread {
        explicit Thread(Peer &) {}
    };

    explicit Peer(const Config &config) : shards_(new Shard[shards])
    {
        uint64_t each = config.entries / shards + 1;
        if (config.kind != Kind::evicting)
            each = each * 5 / 4 + 100; // shards are not even, and all keys must stay
        for (unsigned i = 0; i < shards; i++)
            shards_[i].make_room(each);
    }

    static std::string version() { return "256 shards of a mutex, a hash table and an LRU list"; }

    uint64_t n_entries() const
    {
        uint64_t n = 0;
        for (unsigned i = 0; i < shards; i++)
            n += shards_[i].n_entries();
        return n;
    }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        const uint64_t hash = peers::hash(key);
        Shard &shard = locked(hash);
        Entry *gone = nullptr, **place = shard.find(static_cast<uint32_t>(hash), key);
        Entry *entry = *place;
        bool hit = entry != nullptr;
        if (hit && entry->expired()) {
            gone = shard.remove_at(place);
            hit = false;
        }
        if (hit) {
            shard.touch(entry);
            read(static_cast<const char *>(entry->value()), entry->size());
        }
        shard.unlock();
        std::free(gone);
        return hit;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        return insert(make(key, value, size, 0));
    }

    bool put_ttl(Thread &, const Key &key, const char *value, size_t size, uint32_t ttl_ms)
    {
        const uint64_t now_ns = peers::clock_now_ns(CLOCK_MONOTONIC_COARSE);
        Entry *entry = make(key, value, size, sizeof now_ns);
        if (entry == nullptr)
            return false;
        const uint64_t expiry_ns = now_ns + ttl_ms * uint64_t{1000000};
        std::memcpy(entry->value() + size, &expiry_ns, sizeof expiry_ns);
        entry->value_size |= expires_flag;
        return insert(entry);
    }

    bool del(Thread &, const Key &key)
    {
        const uint64_t hash = peers::hash(key);
        Shard &shard = locked(hash);
        Entry **place = shard.find(static_cast<uint32_t>(hash), key);
        Entry *gone = *place != nullptr ? shard.remove_at(place) : nullptr;
        shard.unlock();
        std::free(gone);
        return gone != nullptr;
    }

private:
    Shard &locked(uint64_t hash)
    {
        Shard &shard = shards_[hash >> (64 - shard_bits)];
        shard.lock(hash);
        return shard;
    }

    static Entry *make(const Key &key, const char *value, size_t size, size_t beyond)
    {
        Entry *entry = static_cast<Entry *>(std::malloc(sizeof *entry + size + beyond));
        if (entry == nullptr)
            return nullptr;
        entry->value_size = static_cast<uint32_t>(size);
        entry->key = key;
        std::memcpy(entry->value(), value, size);
        return entry;
    }

    bool insert(Entry *entry)
    {
        if (entry == nullptr)
            return false;
        const uint64_t hash = peers::hash(entry->key);
        entry->hash = static_cast<uint32_t>(hash);
        Shard &shard = locked(hash);
        Entry *removed = shard.insert(entry);
        shard.unlock();
        std::free(removed);
        return true;
    }

    std::unique_ptr<Shard[]> shards_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
