// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What many projects write for themselves when their processes are to share a cache, written well:
// 256 shards of a mutex that is robust and for all processes, a hash table with chains, and an LRU
// list; entries in slots of one size that are named by number, since addresses may differ; huge
// pages; values read in place under the shard's mutex, and overwritten in place. When a process has
// died with a mutex, the shard is emptied: nobody knows what it had half done.

#include <cerrno>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>

#include "memory.hpp"
#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

constexpr unsigned shard_bits = 8, shards = 1u << shard_bits;
constexpr uint32_t none = UINT32_MAX;

struct Entry {
    uint32_t chain, newer, older; // of a free one: the next free one in chain
    uint32_t hash, value_size;
    Key key;

    char *value() { return reinterpret_cast<char *>(this + 1); }
};

// The head of one, in shared memory; its table and its slots follow all heads.
struct alignas(64) Head {
    pthread_mutex_t lock;
    uint32_t n, newest, oldest, free;
};

// How the memory is divided.
struct Plan {
    uint64_t slots, table, slot_bytes, shard_bytes; // of a shard

    explicit Plan(const Config &config)
    {
        slots = config.entries / shards + 1;
        if (config.kind != Kind::evicting)
            slots = slots * 5 / 4 + 100; // shards are not even, and all keys must stay
        for (table = 16; table < slots;)
            table *= 2;
        slot_bytes = (sizeof(Entry) + config.value_bytes + 7) / 8 * 8;
        shard_bytes = (table * sizeof(uint32_t) + slots * slot_bytes + 63) / 64 * 64;
    }
    uint64_t bytes() const { return shards * (sizeof(Head) + shard_bytes); }
};

// As a process sees it.
class Shard {
public:
    Shard(char *memory, const Plan &plan, unsigned number)
        : plan_(plan), head_(reinterpret_cast<Head *>(memory) + number),
          table_(reinterpret_cast<uint32_t *>(memory + shards * sizeof(Head) +
                                              number * plan.shard_bytes)),
          slots_(reinterpret_cast<char *>(table_ + plan.table))
    {
    }

    void make()
    {
        pthread_mutexattr_t kind;
        pthread_mutexattr_init(&kind);
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&head_->lock, &kind);
        pthread_mutexattr_destroy(&kind);
        empty();
    }

    void lock(uint32_t hash)
    {
        __builtin_prefetch(&table_[hash & (plan_.table - 1)]);
        if (__builtin_expect(pthread_mutex_lock(&head_->lock) == EOWNERDEAD, 0)) {
            empty();
            pthread_mutex_consistent(&head_->lock);
        }
    }
    void unlock() { pthread_mutex_unlock(&head_->lock); }

    uint64_t n_entries() const { return head_->n; }
    Entry *at(uint32_t slot) { return reinterpret_cast<Entry *>(slots_ + slot * plan_.slot_bytes); }

    // The place that holds the slot's number, or the end of its chain.
    uint32_t *find(uint32_t hash, const Key &key)
    {
        uint32_t *place = &table_[hash & (plan_.table - 1)];
        while (*place != none && !(at(*place)->hash == hash && at(*place)->key == key))
            place = &at(*place)->chain;
        return place;
    }

    void touch(uint32_t slot)
    {
        if (slot == head_->newest)
            return;
        take_from_list(at(slot));
        make_newest(slot);
    }

    void remove_at(uint32_t *place)
    {
        const uint32_t slot = *place;
        Entry *entry = at(slot);
        *place = entry->chain;
        take_from_list(entry);
        entry->chain = head_->free;
        head_->free = slot;
        head_->n--;
    }

    // A slot in the table and the list, evicted for it if there is no other.
    Entry *insert(uint32_t hash, const Key &key)
    {
        if (head_->free == none) {
            Entry *oldest = at(head_->oldest);
            remove_at(find(oldest->hash, oldest->key));
        }
        const uint32_t slot = head_->free;
        Entry *entry = at(slot);
        uint32_t *first = &table_[hash & (plan_.table - 1)];
        head_->free = entry->chain;
        entry->chain = *first;
        entry->hash = hash;
        entry->key = key;
        *first = slot;
        make_newest(slot);
        head_->n++;
        return entry;
    }

private:
    void empty()
    {
        head_->n = 0;
        head_->newest = head_->oldest = none;
        head_->free = 0;
        std::memset(table_, 0xff, plan_.table * sizeof *table_);
        for (uint32_t slot = 0; slot < plan_.slots; slot++)
            at(slot)->chain = slot + 1 < plan_.slots ? slot + 1 : none;
    }

    void take_from_list(Entry *entry)
    {
        (entry->newer != none ? at(entry->newer)->older : head_->newest) = entry->older;
        (entry->older != none ? at(entry->older)->newer : head_->oldest) = entry->newer;
    }

    void make_newest(uint32_t slot)
    {
        at(slot)->newer = none;
        at(slot)->older = head_->newest;
        (head_->newest != none ? at(head_->newest)->newer : head_->oldest) = slot;
        head_->newest = slot;
    }

    const Plan &plan_;
    Head *head_;
    uint32_t *table_;
    char *slots_;
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "in_house_shared";
    static constexpr bool evicts = true;
    static constexpr bool processes = true;

    struct Thread {
        explicit Thread(Peer &) {}
    };

    explicit Peer(const Config &config) : plan_(config), memory_(plan_.bytes(), peers::HugePages::shared)
    {
        for (unsigned i = 0; i < shards; i++)
            shard(i).make();
    }

    static std::string version()
    {
        return "256 shards of a robust mutex, a hash table and an LRU list";
    }

    void enter_process() {}

    uint64_t n_entries() const
    {
        uint64_t n = 0;
        for (unsigned i = 0; i < shards; i++)
            n += shard(i).n_entries();
        return n;
    }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        const uint64_t hash = peers::hash(key);
        Shard at = shard(hash >> (64 - shard_bits));
        at.lock(static_cast<uint32_t>(hash));
        const uint32_t slot = *at.find(static_cast<uint32_t>(hash), key);
        if (slot != none) {
            at.touch(slot);
            read(static_cast<const char *>(at.at(slot)->value()), at.at(slot)->value_size);
        }
        at.unlock();
        return slot != none;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        const uint64_t hash = peers::hash(key);
        Shard at = shard(hash >> (64 - shard_bits));
        at.lock(static_cast<uint32_t>(hash));
        const uint32_t slot = *at.find(static_cast<uint32_t>(hash), key);
        Entry *entry = slot != none ? at.at(slot) : at.insert(static_cast<uint32_t>(hash), key);
        if (slot != none)
            at.touch(slot);
        entry->value_size = static_cast<uint32_t>(size);
        std::memcpy(entry->value(), value, size);
        at.unlock();
        return true;
    }

    bool del(Thread &, const Key &key)
    {
        const uint64_t hash = peers::hash(key);
        Shard at = shard(hash >> (64 - shard_bits));
        at.lock(static_cast<uint32_t>(hash));
        uint32_t *place = at.find(static_cast<uint32_t>(hash), key);
        const bool found = *place != none;
        if (found)
            at.remove_at(place);
        at.unlock();
        return found;
    }

private:
    Shard shard(uint64_t number) const { return {memory_.data(), plan_, static_cast<unsigned>(number)}; }

    const Plan plan_;
    const peers::HugePages memory_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
